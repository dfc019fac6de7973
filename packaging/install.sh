#!/bin/sh
# Installs Sentinel from the bundle that this script lies in, without a network; run it again to upgrade or repair.
# What lies where, and how to check the bundle before this script is trusted: docs/install.md.
set -eu
umask 022
unset PYTHONPATH PYTHONHOME
export PYTHONNOUSERSITE=1 LC_CTYPE=C.UTF-8

usage() {
    cat <<'END'
usage: sh install.sh [--key FILE] [--allow-unsigned] [--python FILE] [--root FOLDER]
       sh install.sh --uninstall [--purge] [--root FOLDER]

  --key FILE        public key (PEM) that the bundle must be signed with; it is kept in /etc/sentinel/keys
  --allow-unsigned  install a bundle that nobody signed, or whose signature nobody can check
  --python FILE     the Python to use, otherwise the python3.X that the bundle was made for
  --root FOLDER     install below FOLDER: no user is made and no service is touched
  --uninstall       remove the program and its service; configuration and data stay
  --purge           with --uninstall: remove configuration, keys, data and the user as well
END
}

case "${SENTINEL_LANG:-${LC_ALL:-${LANG:-}}}" in zh*) lang=zh ;; *) lang=en ;; esac
say() { if [ $lang = zh ]; then printf '%s\n' "$2"; else printf '%s\n' "$1"; fi; }
fail() {
    say "install.sh: $1" "install.sh：$2" >&2
    exit 1
}

key='' unsigned='' python='' root='' uninstall='' purge=''
while [ $# -gt 0 ]; do
    case $1 in
        --key | --python | --root)
            [ $# -ge 2 ] || { usage >&2; exit 2; }
            case $1 in --key) key=$2 ;; --python) python=$2 ;; --root) root=$2 ;; esac
            shift
            ;;
        --allow-unsigned) unsigned=yes ;;
        --uninstall) uninstall=yes ;;
        --purge) purge=yes ;;
        -h | --help) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
    shift
done
case $root in '' | /*) ;; *) root=$PWD/$root ;; esac
case $key in '' | /*) ;; *) key=$PWD/$key ;; esac
root=${root%/}

program=$root/opt/sentinel
settings=$root/etc/sentinel
data=$root/var/lib/sentinel
command=$root/usr/local/bin/sentinel
unit=$root/etc/systemd/system/sentinel.service

[ -n "$root" ] || [ "$(id -u)" -eq 0 ] || fail "run it as root, or with --root" "请以 root 运行，或使用 --root"
service() { [ -z "$root" ] && [ -d /run/systemd/system ]; }

if [ -n "$uninstall" ]; then
    if service && [ -e "$unit" ]; then systemctl disable --quiet --now sentinel.service; fi
    rm -f "$unit" "$command"
    rm -rf "$program"
    if service; then systemctl daemon-reload; fi
    if [ -n "$purge" ]; then
        rm -rf "$settings" "$data"
        if [ -z "$root" ] && getent passwd sentinel >/dev/null; then userdel sentinel; fi
        say "Sentinel, its configuration and its data are removed." "Sentinel 及其配置和数据已全部删除。"
    else
        say "Sentinel is removed; $settings and $data stay." "Sentinel 已卸载；保留 $settings 和 $data。"
    fi
    exit 0
fi

# --- is this the bundle that was made? Nothing of it but this script runs before that is known ----------------------

cd "$(dirname "$0")"
[ -f SHA256SUMS ] && [ -f BUNDLE ] || fail "no bundle lies beside this script" "脚本旁边没有安装包内容"
signed_by=''
if [ -f SHA256SUMS.sig ]; then
    if [ -n "$key" ]; then set -- "$key"; else set -- "$settings"/keys/*.pem; fi
    for one in "$@"; do
        [ -f "$one" ] || continue
        command -v openssl >/dev/null 2>&1 ||
            fail "openssl is needed to check the signature" "检查签名需要 openssl"
        if openssl pkeyutl -verify -rawin -pubin -inkey "$one" -in SHA256SUMS -sigfile SHA256SUMS.sig >/dev/null 2>&1
        then
            signed_by=$one
            break
        fi
        signed_by=nobody
    done
fi
case $signed_by in
    nobody) fail "the signature does not fit: not this key, or the bundle was changed" "签名不符：密钥不对，或安装包被改动" ;;
    '')
        [ -z "$key" ] || [ -f "$key" ] || fail "$key: no such file" "$key：没有这个文件"
        [ -z "$key" ] || fail "the bundle is not signed" "安装包未签名"
        [ -n "$unsigned" ] || fail "the signature was not checked: name the public key with --key, or say --allow-unsigned" \
            "未检查签名：请用 --key 指定公钥，或使用 --allow-unsigned"
        ;;
esac
sha256sum --check --strict --quiet SHA256SUMS >/dev/null 2>&1 ||
    fail "the bundle is damaged: files are not what SHA256SUMS says" "安装包已损坏：文件与 SHA256SUMS 不符"
listed=$(sed 's/^[0-9a-f]*  //' SHA256SUMS | LC_ALL=C sort)
there=$(find . ! -type d ! -path ./SHA256SUMS ! -path ./SHA256SUMS.sig | sed 's|^\./||' | LC_ALL=C sort)
[ "$listed" = "$there" ] && [ -z "$(find . -type l)" ] ||
    fail "the bundle holds files that SHA256SUMS does not name" "安装包中有 SHA256SUMS 未列出的文件"

# --- the Python that it was made for --------------------------------------------------------------------------------

value() { sed -n "s/^$1=//p" BUNDLE; }
version=$(value version) wanted=$(value python) machine=$(value machine)
[ "$(uname -m)" = "$machine" ] || fail "the bundle is for $machine, this is $(uname -m)" "安装包适用于 $machine，本机为 $(uname -m)"
fits() {
    "$1" -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] != sys.argv[1])' "$wanted" >/dev/null 2>&1
}
if [ -n "$python" ]; then
    fits "$python" || fail "$python is not Python $wanted" "$python 不是 Python $wanted"
else
    for one in "python$wanted" python3; do
        if fits "$one"; then python=$one; break; fi
    done
    [ -n "$python" ] || fail "Python $wanted is not installed (Debian: apt-get install python$wanted)" \
        "未安装 Python $wanted（Debian：apt-get install python$wanted）"
fi

# --- program: each release in a folder of its own, one link says which counts ---------------------------------------

release=$program/releases/$version-$(sha256sum SHA256SUMS | cut -c1-12)
install -d "$program/releases" "$program/updates" "$(dirname "$command")"
if [ ! -e "$release/complete" ]; then
    say "Installing Sentinel $version into $release ..." "正在将 Sentinel $version 安装到 $release ..."
    rm -rf "$release"
    "$python" -m venv --without-pip "$release"
    # pip runs out of its own wheel
    "$release/bin/python" "$(echo wheels/pip-*.whl)/pip" install --isolated --quiet --disable-pip-version-check --no-cache-dir \
        --no-input --root-user-action ignore --no-index --find-links wheels "sentinel-ics[sensor,report]==$version"
    cp packaging/install.sh "$release/install.sh"
    touch "$release/complete"
fi
before=$(readlink "$program/bin" || true)
ln -sfn "$release/bin" "$program/bin.new" && mv -fT "$program/bin.new" "$program/bin"
ln -sfn "$program/bin/sentinel" "$command.new" && mv -fT "$command.new" "$command"
# the release before stays, to go back to: ln -sfn
for old in "$program"/releases/*; do
    case "$old/bin" in "$release/bin" | "$before") ;; *) rm -rf "$old" ;; esac
done

# --- user, data, configuration, keys, service -----------------------------------------------------------------------

owner=''
if [ -z "$root" ]; then
    getent passwd sentinel >/dev/null ||
        useradd --system --user-group --home-dir /var/lib/sentinel --no-create-home --shell /usr/sbin/nologin sentinel
    owner='-o sentinel -g sentinel'
    runuser -u sentinel -- "$program/bin/sentinel" --version >/dev/null 2>&1 ||
        fail "the user sentinel cannot run $python: name a Python for everybody with --python" \
            "用户 sentinel 无法运行 $python：请用 --python 指定所有用户可用的 Python"
fi
# shellcheck disable=SC2086  # two options, or none
install -d -m 750 $owner "$data"
install -d "$settings" "$settings/keys"
if [ -n "$key" ] && ! cmp -s "$key" "$settings/keys/$(basename "$key" .pem).pem"; then
    install -m 644 "$key" "$settings/keys/$(basename "$key" .pem).pem"
fi
fresh=''
if [ -f packaging/sentinel.toml ] && [ ! -e "$settings/sentinel.toml" ]; then
    install -m 644 packaging/sentinel.toml "$settings/sentinel.toml"
    fresh=yes
fi
if service && [ -f packaging/sentinel.service ]; then
    sed -e "s|/usr/bin/env sentinel|$program/bin/sentinel|" -e "s|/etc/sentinel\.toml|$settings/sentinel.toml|" \
        packaging/sentinel.service >"$unit.new"
    mv -f "$unit.new" "$unit"
    systemctl daemon-reload
    systemctl try-restart sentinel.service
fi

case $signed_by in
    '') say "Sentinel $version is installed. Nobody's signature was checked." "Sentinel $version 已安装，未检查签名。" ;;
    *) say "Sentinel $version is installed; signed by the key $signed_by." "Sentinel $version 已安装；签名密钥 $signed_by。" ;;
esac
[ -z "$fresh" ] || say "Name the ports in $settings/sentinel.toml, then: systemctl enable --now sentinel" \
    "请在 $settings/sentinel.toml 中填写监听端口，然后运行：systemctl enable --now sentinel"
