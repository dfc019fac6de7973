"""The catalogue of `sentinel send` and of the receivers: what a person reads, in Chinese."""

# ruff: noqa: E501  (a sentence and its translation are read as one line; ruff counts a Chinese character as two)

from __future__ import annotations

_COMMAND = {
    "Send a case's alerts and data to where they are wanted: Elasticsearch, syslog, a webhook, files ...":
        "把案例中的告警和数据发送到需要的地方：Elasticsearch、syslog、webhook、文件等。",
    "Send a case's alerts and data to where they are wanted, and remember for each receiver what it has had.":
        "把案例中的告警和数据发送到需要的地方，并记住每个接收端已收到的内容。",
    "Run again, it sends what is new. With --follow it stays and sends what a sensor adds, through every outage of the "
    "receiver: the case is the spool. The URIs and their options are explained in docs/sinks.md; keys and passwords come "
    "from files or the environment, never from the URI.":
        "再次运行时只发送新增内容。使用 --follow 时持续运行，发送探针新增的内容，接收端中断也不影响：案例本身就是缓存。"
        "URI 及其选项见 docs/sinks.md；密钥和口令取自文件或环境变量，绝不写在 URI 中。",
    "Exit codes: 0 everything was sent; 10 something still waits or was refused, or a URI is of no use; 4 the case cannot "
    "be used.":
        "退出码：0 全部已发送；10 仍有内容待发送或被拒收，或 URI 无法使用；4 案例不可用。",
    "A receiver; may be repeated.": "接收端；可多次给出。",
    "Stay, and send what is added, until stopped.": "持续运行并发送新增内容，直到被停止。",
    "Only say what each receiver has had, and what waits.": "只说明每个接收端已收到什么、还有什么待发送。",
    "Only list what receivers refused, with their reasons.": "只列出被接收端拒收的内容及其原因。",
    "Without --follow: give up when a receiver took nothing for so long.": "不使用 --follow 时：接收端这么久没有收下任何内容就放弃。",
    "Name of the sensor in the documents; otherwise that of this machine.": "文档中探针的名称；不给出时用本机名称。",
    "Folder that remembers what was sent, where the case's own cannot be written.":
        "案例文件夹不可写时，用来记录发送进度的文件夹。",
    "With --refused: so many of each.": "与 --refused 同用：每个接收端列出这么多条。",
    "Print one JSON object a receiver (or refused row).": "每个接收端（或每条被拒收的内容）输出一个 JSON 对象。",
    "Nothing was sent of this case yet.": "这个案例还没有发送过任何内容。",
    "{receiver}: takes documents again.": "{receiver}：恢复接收。",
    "since {time}: {problem}": "自 {time} 起：{problem}",
    "sent": "已发送",
    "refused": "被拒收",
    "left out": "已筛除",
    "held": "已限流",
    "dropped": "已丢弃",
    "waiting": "待发送",
    "--status, --refused and --follow each stand alone": "--status、--refused 和 --follow 只能单独使用",
    "say where to with --sink URI; docs/sinks.md explains them": "请用 --sink URI 指明发送到哪里；说明见 docs/sinks.md",
    "{n} documents were refused; see why with: sentinel send --refused.":
        "有 {n} 份文档被拒收；原因可用 sentinel send --refused 查看。",
    "{path}: process {number} is sending this case to {receiver} already; wait until it ends, or stop it.":
        "{path}：进程 {number} 已在把这个案例发送到 {receiver}；请等它结束，或停止它。",
}  # fmt: skip

_URI = {
    "{uri}: not a URI: {why}.": "{uri}：不是 URI：{why}。",
    "{uri}: not a URI; write SCHEME://..., with one of the schemes {schemes}.":
        "{uri}：不是 URI；请写成 SCHEME://...，可用的方案有 {schemes}。",
    "{uri}: names and passwords do not belong in a URI, which every user of this machine can read; give user= and "
    "password_file= instead.":
        "{uri}：用户名和口令不得写在 URI 中，因为本机所有用户都能看到；请改用 user= 和 password_file=。",
    "{uri}: an option is given twice.": "{uri}：同一个选项给出了两次。",
    "{uri}: a # begins no option; write %23 where a value holds one.": "{uri}：# 不能引出选项；值中含有 # 时请写成 %23。",
    "{uri}: no scheme {scheme}; there are {schemes}.": "{uri}：没有方案 {scheme}；可用的有 {schemes}。",
    "{uri}: names no host; write {example}.": "{uri}：没有写明主机；请写成 {example}。",
    "{uri}: no option {name}; there are {names}.": "{uri}：没有选项 {name}；可用的有 {names}。",
    "{uri}: {name}={value} is none of {choices}.": "{uri}：{name}={value} 不在可选值 {choices} 之中。",
    "{uri}: {name}={value} is neither yes nor no.": "{uri}：{name}={value} 既不是 yes 也不是 no。",
    "{uri}: {name}={value} is no number from {low} to {high}.": "{uri}：{name}={value} 不是 {low} 到 {high} 之间的数。",
    "{uri}: {name}={path} cannot be read: {why}.": "{uri}：{name}={path} 无法读取：{why}。",
    "{uri}: {name}={path} is empty.": "{uri}：{name}={path} 是空的。",
    "{uri}: the environment has no {variable}.": "{uri}：环境中没有变量 {variable}。",
    "{uri}: {name}= is of no use without TLS.": "{uri}：不使用 TLS 时 {name}= 没有作用。",
    "{uri}: {name}={path} holds no certificate in PEM form ({why}).": "{uri}：{name}={path} 中没有 PEM 格式的证书（{why}）。",
    "{uri}: rate={value} is no rate; write so many per s, m, h or d, as in 100/m.":
        "{uri}：rate={value} 不是速率；请写成每 s、m、h 或 d 多少条，例如 100/m。",
    "{uri}: user={user} without a password; give password_file= or set {variable}.":
        "{uri}：给出了 user={user} 却没有口令；请给出 password_file= 或设置 {variable}。",
    "{uri} needs the package {package}: pip install 'sentinel-ics[{extra}]'.":
        "{uri} 需要软件包 {package}：pip install 'sentinel-ics[{extra}]'。",
}  # fmt: skip

_ANSWERS = {
    "{uri}: {why}.": "{uri}：{why}。",
    "{uri}: cannot be reached ({why}).": "{uri}：无法连接（{why}）。",
    "{uri}: takes nothing now: {why}.": "{uri}：目前不接收：{why}。",
    "{uri}: not permitted: {why}.": "{uri}：不允许：{why}。",
    "{uri}: the key or password is not accepted ({why}).": "{uri}：密钥或口令未被接受（{why}）。",
    "{uri}: the server's certificate is not trusted ({why}); give the certificate that signed it with ca_certs=.":
        "{uri}：服务器证书不可信（{why}）；请用 ca_certs= 给出签发它的证书。",
    "{uri}: the server's certificate is not trusted ({why}); give the certificate that signed it with ca_certs=, or its "
    "fingerprint.":
        "{uri}：服务器证书不可信（{why}）；请用 ca_certs= 给出签发它的证书，或给出其指纹。",
    "{uri}: what answers there is no Elasticsearch.": "{uri}：该地址上应答的不是 Elasticsearch。",
    "{uri}: no index lifecycle management there, or no permission for it: indices are not rolled over, and nothing is "
    "deleted.":
        "{uri}：该服务器没有索引生命周期管理，或没有使用它的权限：索引不会滚动，也不会删除任何内容。",
    "{uri}: namespace={value}: write small letters, digits, _ and . only.":
        "{uri}：namespace={value}：只能用小写字母、数字、_ 和 .。",
    "{uri}: fingerprint= is no SHA-256 of a certificate (64 hexadecimal digits).":
        "{uri}：fingerprint= 不是证书的 SHA-256（64 位十六进制数）。",
    "{uri}: write the whole path of a file: file:///folder/file.json.": "{uri}：请写出文件的完整路径：file:///folder/file.json。",
    "{uri}: there is no folder {path}; make it first.": "{uri}：没有文件夹 {path}；请先建立。",
    "{uri}: cannot be written: it is a folder, or permission is denied.": "{uri}：无法写入：它是文件夹，或没有权限。",
    "{uri}: cannot be written: {why}.": "{uri}：无法写入：{why}。",
    "{uri}: write the whole path of a folder that can be written: stix:///folder.":
        "{uri}：请写出可写文件夹的完整路径：stix:///folder。",
    "{uri}: there is no secret to sign with; give secret_file= or set {variable}.":
        "{uri}：没有用于签名的密钥；请给出 secret_file= 或设置 {variable}。",
    "{uri}: answers {why}; check the address and the secret.": "{uri}：应答为 {why}；请检查地址和密钥。",
    "{uri}: {value} is no name of a topic.": "{uri}：{value} 不能作为主题名称。",
    "{uri}: {name}={value} is no mail address.": "{uri}：{name}={value} 不是邮件地址。",
    "{uri}: a password is not sent without TLS; leave out starttls=no.": "{uri}：没有 TLS 时不发送口令；请去掉 starttls=no。",
}  # fmt: skip

TEXTS: dict[str, str] = {**_COMMAND, **_URI, **_ANSWERS}
