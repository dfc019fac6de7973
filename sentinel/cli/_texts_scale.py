"""The Chinese of `case`, and of `analyze` on several processes or a cluster; see `_texts.py`."""

# ruff: noqa: E501  (a sentence and its translation are read as one line; ruff counts a Chinese character as two)

from __future__ import annotations

TEXTS: dict[str, str] = {
    "Merge cases of several sensors, check that a case is whole, make it smaller, and say what it holds.":
        "合并多个探针的案例，检查案例是否完整，缩小案例，并说明其内容。",
    "Print one JSON object.": "输出一个 JSON 对象。",
    "The cases come from networks that have nothing to do with each other: look for no flows that two taps saw.":
        "这些案例来自互不相关的网络：不查找被两个采集点同时看到的流。",
    "Add to the case OUT what other cases hold; OUT is made where there is none.":
        "把其他案例的内容并入案例 OUT；OUT 不存在时新建。",
    "A capture that OUT holds already, by SHA-256, is left out, so the same merge again changes nothing. It is done whole or not at all. Where two taps saw the same flow, it is linked, and their clocks are compared: docs/scale.md.":
        "OUT 中已有的抓包（按 SHA-256 判断）不再并入，因此重复合并不会改变任何内容。合并要么全部完成，要么不做任何改动。两个采集点看到同一条流时，会建立关联并比较两者的时钟：见 docs/scale.md。",
    "the same case is given twice": "同一个案例给出了两次",
    "{path}: the same case is given twice.": "{path}：同一个案例给出了两次。",
    "{runs} runs over {captures} captures added; {known} captures were known.":
        "并入 {runs} 次分析，共 {captures} 个抓包；{known} 个抓包已在案例中。",
    "{entries} entries of the journal, {decisions} decisions about alerts and {assessments} assessments added.":
        "并入 {entries} 条日志记录、{decisions} 条告警处置和 {assessments} 份评估。",
    "{n} flows were seen by two taps; they are linked.": "{n} 条流被两个采集点同时看到，已建立关联。",
    "{n} flows were too many to be compared.": "{n} 条流超出比较上限，未作比较。",
    "{n} runs were left out, for their sensor has not ended them.": "{n} 次分析未并入，因为探针尚未结束它们。",
    "The clock of {tap} is {offset} s ahead of that of {other} (median of {matches}, ±{error} s).":
        "{tap} 的时钟比 {other} 快 {offset} 秒（{matches} 个样本的中位数，误差 ±{error} 秒）。",
    "this case": "本案例",
    "Check that every file of a case is there as it was written.": "检查案例的每个文件是否都在，且与写入时一致。",
    "Exit code 1 where something is wrong; each damaged file is named.": "有问题时退出码为 1，并逐一列出损坏的文件。",
    "{path}: {n} files of the case are not as they were written.": "{path}：案例中有 {n} 个文件与写入时不一致。",
    "Every file of the case is as it was written.": "案例的每个文件都与写入时一致。",
    "Say how much a case holds, how large it is, and where its captures came from.": "说明案例的内容多少、大小，以及抓包的来源。",
    "Run {run} came from {source} ({path}).": "第 {run} 次分析来自 {source}（{path}）。",
    "Read captures, and portions of the flows of large ones, in so many processes.":
        "用指定数目的进程读取抓包；大的抓包按流分成几份。",
    "Have them read by the workers of a Dask cluster, which see the captures under the same paths.":
        "由 Dask 集群的工作进程读取；各工作进程须能以相同路径访问抓包。",
    "Folder for what the processes write until it is joined; otherwise beside the case.":
        "存放各进程中间结果的文件夹，合并后删除；默认放在案例旁边。",
    "--scratch goes with --jobs or --cluster": "--scratch 须与 --jobs 或 --cluster 一起使用",
    "give either --jobs or --cluster": "--jobs 和 --cluster 只能给出一个",
    "standard input cannot be read by several processes": "标准输入不能由多个进程读取",
    "{address}: give the scheduler as dask://host:port": "{address}：请以 dask://主机:端口 的形式给出调度器",
    "{address}: no scheduler of a Dask cluster answers there ({why}).": "{address}：该处没有 Dask 集群的调度器应答（{why}）。",
    "several processes need dask.distributed: pip install 'sentinel-ics[cluster]'":
        "多进程分析需要 dask.distributed：pip install 'sentinel-ics[cluster]'",
    "{n} workers died over one task; the captures may need more memory than they have.":
        "同一任务已有 {n} 个工作进程异常终止；抓包所需内存可能超过其上限。",
    "{address}: this scheduler has no workers; start them with: dask worker {address}":
        "{address}：该调度器没有工作进程；请用 dask worker {address} 启动。",
    "{address}: the scheduler went away before anything was read.": "{address}：尚未读取任何内容，调度器就已失去连接。",
    "the scheduler went away; what was read before is in the case: analyse the same again.":
        "调度器已失去连接；此前读取的内容已在案例中，请对同样的抓包重新分析。",
    "{folder}: what the workers wrote cannot be seen here; give --scratch a folder that all share.":
        "{folder}：此处看不到工作进程写入的内容；请用 --scratch 指定一个各方共享的文件夹。",
    "the workers have no Sentinel that can be used from here ({why}).": "工作进程上没有可供此处使用的 Sentinel（{why}）。",
    "a worker on {host} has Sentinel {mine}, this is {ours}: sources and rules must be the same.":
        "{host} 上的工作进程为 Sentinel {mine}，此处为 {ours}：各处的程序与规则必须相同。",
    "{path}: changed while it was read; analyse it again.": "{path}：读取过程中文件发生变化；请重新分析。",
}  # fmt: skip
