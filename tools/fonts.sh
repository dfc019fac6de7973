#!/bin/sh
# Looks for a Chinese font for the PDF, with the interpreter $1; as root on Debian or Ubuntu installs one where there is none.
# Never fails: without a font the report is made in all other formats, and the program says what to install.
python=$1
package=fonts-noto-cjk

has_font() { "$python" -c 'import typst; from sentinel.report import pdf; pdf.choose(typst.Fonts().families())' >/dev/null 2>&1; }

has_font && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "No Chinese font: the report will be made without its PDF. On Debian and Ubuntu: sudo apt-get install $package" >&2
    exit 0
fi
echo "Installing $package ..."
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
{ apt-get -qq update && apt-get -qq install --no-install-recommends "$package"; } >"$log" 2>&1 || {
    cat "$log" >&2
    echo "apt-get could not install $package: its message stands above. The report will be made without its PDF." >&2
}
rm -f "$log"
exit 0
