"""The words of a report, in English and Chinese."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maplet.explain.words import languages, require_language

if TYPE_CHECKING:
    from collections.abc import Mapping

# key → (English, Chinese)
words: Mapping[str, tuple[str, str]] = {
    # the head
    "epochs": ("{0} epochs", "{0} 轮"),
    "epoch one": ("{0} epoch", "{0} 轮"),
    "kept": ("kept epoch {0}", "保留第 {0} 轮"),
    "notes": ("Notes", "备注"),
    # results
    "results": ("Results", "结果"),
    "metrics": ("Metrics on the test part", "测试集指标"),
    "model": ("model", "模型"),
    "best": (" (best)", "（最优）"),
    "higher": (" (higher is better)", "（越高越好）"),
    "lower": (" (lower is better)", "（越低越好）"),
    # training
    "training part": ("Training", "训练"),
    "no epoch": ("No epoch was finished.", "没有完成任何一轮。"),
    "constant rate": ("The learning rate was {0} throughout.", "学习率始终为 {0}。"),
    "milestones": ("Milestones", "关键轮次"),
    "first": ("first: {0}", "首轮：{0}"),
    "kept milestone": ("kept: {0}", "保留：{0}"),
    "last": ("last: {0}", "末轮：{0}"),
    "epoch": ("epoch", "轮"),
    "log scale": ("log scale", "对数刻度"),
    "training": ("training", "训练"),
    "validation": ("validation", "验证"),
    "kept value": ("kept epoch {0}: {1}", "保留第 {0} 轮：{1}"),
    "dot": ("{0}, epoch {1}: {2}", "{0}，第 {1} 轮：{2}"),
    "course": ("{0}: from {1} to {2} in {3} epochs", "{0}：{3} 轮内从 {1} 到 {2}"),
    "best in": (", best {0} in epoch {1}", "，最优 {0}（第 {1} 轮）"),
    # findings
    "findings": ("Findings", "诊断"),
    "lint": ("The lint, before the first step", "静态检查（训练之前）"),
    "doctor": ("The doctor, of the whole run", "训练诊断（整个训练过程）"),
    "lint clean": ("Nothing to complain about.", "没有发现问题。"),
    "lint unknown": ("The lint did not look at this run.", "本次训练没有做静态检查。"),
    "doctor clean": (
        "Nothing to complain about in {0} epochs and {1} watched steps.",
        "{0} 轮、{1} 个观察步中没有发现问题。",
    ),
    "unwatched": (
        "No step was watched, so little can be said; train with --doctor.",
        "没有观察任何训练步，能诊断的很少；训练时请加 --doctor。",
    ),
    "where": ("where", "位置"),
    "fix": ("fix", "改法"),
    "advice": ("advice", "建议"),
    "confidence": ("confidence {0}", "置信度 {0}"),
    "picture": ("course of the number that tells most", "最能说明问题的数值的走势"),
    # predictions
    "predictions": ("Predictions", "预测"),
    "each class": ("Each class", "各类别"),
    "class": ("class", "类别"),
    "rows": ("rows", "行数"),
    "mistakes": ("Most frequent mistakes", "最常见的错误"),
    "true": ("true", "真实"),
    "predicted": ("predicted", "预测"),
    "of the class": ("of the class", "占该类"),
    "confusion": ("Confusion matrix", "混淆矩阵"),
    "confusion cell": ("true {0}, predicted {1}: {2} ({3} of the class)", "真实 {0}，预测 {1}：{2}（占该类 {3}）"),
    "confusion words": (
        "{0} of {1} rows are predicted right. The tables below hold the numbers.",
        "{1} 行中有 {0} 行预测正确；数值见下方表格。",
    ),
    "no finite": ("No row has a finite prediction.", "没有一行的预测是有限数。"),
    "left out": (" {0} rows that are not finite are left out.", " 略去 {0} 行非有限数。"),
    "scatter": ("Predicted against true", "预测值与真实值"),
    "scatter words": (
        "Each dot is a row; on the line the prediction is exact. Root mean squared error {0}.",
        "每个点是一行；落在线上表示预测准确。均方根误差 {0}。",
    ),
    "scatter thinned": (" {0} of {1} rows are shown, evenly spaced.", " 均匀抽取 {1} 行中的 {0} 行显示。"),
    "true name": ("true {0}", "真实 {0}"),
    "predicted name": ("predicted {0}", "预测 {0}"),
    "residuals": ("Residuals", "残差"),
    "residual axis": ("predicted − true {0}", "预测 − 真实 {0}"),
    "bar": ("{0} to {1}: {2} rows", "{0} 到 {1}：{2} 行"),
    "residual words": (
        "Mean {0}, standard deviation {1}; left of 0 the prediction is too small.",
        "均值 {0}，标准差 {1}；0 的左侧表示预测偏小。",
    ),
    # the network, its graphs and a row
    "network": ("Network", "网络"),
    "parameters": ("{0} parameters", "共 {0} 个参数"),
    "worked": ("One row, worked", "一行数据的完整计算"),
    "worked words": (
        "Row {0} of the training part goes through the trained network, and its gradient comes back: loss {1}.",
        "训练集第 {0} 行通过训练好的网络，梯度再反向传回：损失 {1}。",
    ),
    "inputs": ("What goes in", "输入"),
    "image": ("the image that goes in", "输入的图像"),
    "more inputs": ("The first {0} of {1} inputs.", "{1} 个输入中的前 {0} 个。"),
    "input": ("input", "输入"),
    "value": ("value", "值"),
    "outputs": ("What comes out", "输出"),
    "output": ("output", "输出"),
    "logit": ("logit", "对数几率"),
    "probability": ("probability", "概率"),
    "answer": ("true answer", "正确答案"),
    "loss graph": ("The loss graph", "损失图"),
    "loss graph words": (
        "What the network and its loss compute; ‖·‖ is √Σx², and ∂ the gradient. Open a layer to see its steps.",
        "网络及其损失的计算；‖·‖ 为 √Σx²，∂ 为损失的梯度。展开某一层或点击方框可看到各步。",
    ),
    "gradient graph": ("The gradient graph", "梯度图"),
    "gradient graph words": (
        "Backpropagation is a program too, from the loss back to the parameters. Open a layer to read it.",
        "反向传播也是一个程序：从损失回到参数。展开某一层可阅读其中的程序。",
    ),
    "no backward": ("Nothing is computed: the gradient is 1.", "无需计算：梯度为 1。"),
    "steps": ("{0} steps", "{0} 步"),
    "step one": ("{0} step", "{0} 步"),
    "type": ("type", "类型"),
    "program": ("program", "程序"),
    "result": ("result", "结果"),
    "by": ("pullback of", "所属运算"),
    "other rows": ("Any row of the test part, to click through:", "测试集的任意一行（可逐步点击）："),
    # what it is made of
    "data": ("Data", "数据"),
    "settings": ("Settings", "设置"),
    "repeat": ("How to repeat it", "如何重现"),
    "and more": (" and {0} more", " 等另外 {0} 项"),
    "yes": ("yes", "是"),
    "no": ("no", "否"),
    "none": ("none", "无"),
    # what is missing
    "no data": (
        "The data cannot be read, so there are no predictions and no worked row: {0}",
        "无法读取数据，因此没有预测，也没有逐步计算的一行：{0}",
    ),
    "other data": (
        "The data is no longer what the run was trained on, so there are no predictions and no worked row.",
        "数据与训练时不同，因此没有预测，也没有逐步计算的一行。",
    ),
    "python run": (
        "This run was made in Python, which keeps no data: there are no predictions and no worked row (mp.explain).",
        "这次训练由 Python 程序完成，没有保存数据，因此没有预测，也没有逐步计算的一行（可用 mp.explain）。",
    ),
    "no metrics": (
        "The run was not measured on the test part (training was interrupted).",
        "没有在测试集上评估（训练被中断）。",
    ),
}

# What names come from elsewhere: metrics, columns of tables, facts. A name that stands here in no row stays as it is.
names: Mapping[str, str] = {
    "classification": "分类",
    "regression": "回归",
    "network": "网络",
    "linear model": "线性模型",
    "baseline": "基线",
    "loss": "损失",
    "learning rate": "学习率",
    "epoch": "轮",
    "val loss": "验证损失",
    "accuracy": "准确率",
    "val accuracy": "验证准确率",
    "precision": "精确率",
    "recall": "召回率",
    "f1": "F1",
    "cross entropy": "交叉熵",
    "mse": "均方误差",
    "rmse": "均方根误差",
    "mae": "平均绝对误差",
    "r2": "决定系数 R²",
    "layer": "层",
    "type": "类型",
    "output": "输出",
    "parameters": "参数",
    "trained": "是否训练",
    "yes": "是",
    "no": "否",
    "images": "图像",
    "rows": "行数",
    "rows dropped for gaps": "因缺失值删去的行",
    "columns": "列",
    "columns left out": "略去的列",
    "inputs": "输入",
    "gaps filled": "填补的缺失值",
    "sha256": "SHA-256",
    "split": "划分",
    "train": "训练",
    "validation": "验证",
    "test": "测试",
    "source": "数据来源",
    "target": "目标列",
    "task": "任务",
    "categories": "类别编码",
    "drop missing": "删去缺失行",
    "hidden": "隐藏层",
    "activation": "激活函数",
    "dropout": "随机失活",
    "optimizer": "优化器",
    "weight decay": "权重衰减",
    "epochs": "轮数",
    "batch size": "批大小",
    "patience": "耐心（轮）",
    "seed": "随机种子",
    "ended": "结束原因",
    "versions": "版本",
    "data hash": "数据的 SHA-256",
    "started": "开始时间",
    "all epochs": "跑完全部轮次",
    "metrics": "指标",
    "all different": "各行都不同",
    "always the same": "始终相同",
    "constant": "始终相同",
}

# What each rule of the lint and of the doctor looks for; what it says of a run is told in English, as everywhere.
rule_names: Mapping[str, str] = {
    "ML001": "where 掩盖了无穷大的导数",
    "ML002": "可能遇到无穷大的导数",
    "ML003": "重复使用 softmax 或 sigmoid",
    "ML004": "列向量与行向量相遇",
    "ML005": "参数到损失没有通路",
    "ML006": "参数的初值全都相等",
    "ML007": "意外冻结",
    "ML008": "输出恒定不变",
    "ML009": "永远不被执行的分支",
    "ML010": "批归一化的批中只有一行",
    "ML011": "输出层之后还有随机失活",
    "ML012": "目标值超出网络的输出范围",
    "ML013": "最后一层与类别数不符",
    "ML014": "类别从 1 开始编号",
    "ML015": "输入没有缩放",
    "ML016": "永远无法区分的隐藏单元",
    "ML017": "实为线性的网络",
    "ML018": "归一化之前的偏置",
    "ML019": "学习率超出稳定范围",
    "MD001": "更新使损失上升",
    "MD002": "学习率太大",
    "MD003": "学习率太小",
    "MD004": "损失不下降",
    "MD005": "过拟合",
    "MD006": "梯度消失",
    "MD007": "失活的单元",
    "MD008": "饱和的单元",
}


@dataclass(frozen=True)
class Words:
    """Says everything in one language.

    Parameters
    ----------
    language
        ``"en"`` or ``"zh"``.

    Examples
    --------
    >>> Words("en")("kept", 3), Words("zh")("kept", 3), Words("zh").name("learning_rate"), Words("zh").name("my_metric")
    ('kept epoch 3', '保留第 3 轮', '学习率', 'my_metric')
    """

    language: str = "en"

    def __post_init__(self) -> None:
        require_language(self.language)

    def __call__(self, key: str, *values: Any) -> str:
        """A sentence with its values in."""
        return words[key][languages.index(self.language)].format(*values)

    def counted(self, key: str, one: str, count: int) -> str:
        """``1 epoch``, ``2 epochs``."""
        return self(one if count == 1 else key, f"{count:,}")

    def name(self, text: str) -> str:
        """A name from elsewhere, such as that of a metric; what is not known stays as it is."""
        return names.get(text.replace("_", " "), text) if self.language == "zh" else text

    def pause(self) -> str:
        """What stands between two sentences on one line."""
        return "；" if self.language == "zh" else "; "

    def stop(self) -> str:
        """What stands at the end of a sentence."""
        return "。" if self.language == "zh" else "."
