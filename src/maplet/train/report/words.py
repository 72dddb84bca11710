"""The words of a report, in English and Chinese."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maplet.bilingual import Bilingual, require_language
from maplet.train.names import named

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
    "confidence": (" (confidence {0})", "（置信度 {0}）"),
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
    "in the table": ("in the table", "表中的值"),
    "as the network sees it": ("as the network sees it", "网络得到的值"),
    "outputs": ("What comes out", "输出"),
    "output": ("output", "输出"),
    "logit": ("logit", "对数几率"),
    "probability": ("probability", "概率"),
    "answer": ("true answer: ", "正确答案："),
    "standardised": ("{0}, standardised", "{0}（标准化）"),
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
    "of zeros": (
        "The data of the run is not at hand: the numbers are those of a row of zeros.",
        "没有训练数据：图中的数值来自全零的一行。",
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
    "no graphs": ("The graphs cannot be drawn without the data: {0}", "没有数据，无法画出计算图：{0}"),
    "no doctor": ("The doctor could not look: {}.", "诊断未能进行：{}。"),
    "no metrics": (
        "The run was not measured on the test part (training was interrupted).",
        "没有在测试集上评估（训练被中断）。",
    ),
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
        return Bilingual(*words[key]).speak(self.language).format(*values)

    def counted(self, key: str, one: str, count: int) -> str:
        """``1 epoch``, ``2 epochs``."""
        return self(one if count == 1 else key, f"{count:,}")

    def name(self, text: str) -> str:
        """A name from elsewhere, such as that of a metric; what is not known stays as it is."""
        return named(text, self.language)

    def pause(self) -> str:
        """What stands between two sentences on one line."""
        return "；" if self.language == "zh" else "; "

    def comma(self) -> str:
        """What stands between the items of a list."""
        return "，" if self.language == "zh" else ", "

    def stop(self) -> str:
        """What stands at the end of a sentence."""
        return "。" if self.language == "zh" else "."
