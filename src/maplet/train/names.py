"""What comes from elsewhere in English, in Chinese: names of metrics and facts, sentences."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from maplet.bilingual import require_language

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    "partly": "部分",
    "seconds": "用时（秒）",
    "command": "命令",
    "no": "否",
    "images": "图像",
    "rows": "行数",
    "rows dropped for gaps": "因缺失值删去的行",
    "columns": "列",
    "columns left out": "略去的列",
    "inputs": "输入",
    "gaps filled": "填补的缺失值",
    "sha256": "文件的 SHA-256",
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
    "data hash (training rows)": "训练数据的 SHA-256",
    "started": "开始时间",
    "all epochs": "跑完全部轮次",
    "metrics": "指标",
    "interrupted": "被中断",
    "every cell is a gap": "所有单元格都缺失",
}

# Sentences from elsewhere: why training ended, why a column is left out.
phrases: Mapping[str, str] = {
    r"(\S+) has not improved for (\d+) epochs \(best: (\S+) in epoch (\d+)\)": (
        "{0} 连续 {1} 轮没有改善（最优 {2}，第 {3} 轮）"
    ),
    r"(\S+) is not a number": "{0} 不是数",
    r"every cell is (.*)": "所有单元格都是 {0}",
    r"float64 cannot tell its numbers apart, such as (.*) and (.*)": "float64 无法区分其中的数，例如 {0} 与 {1}",
    r"(\d+) different categories in (\d+) cells: it names the rows": "{1} 个单元格中有 {0} 个不同类别：它是各行的名字",
}


def named(text: str, language: str) -> str:
    """A name or a sentence from elsewhere in that language, such as the name of a metric; what is unknown stays.

    Examples
    --------
    >>> named("val_loss", "zh"), named("all epochs", "zh"), named("val_loss", "en")
    ('验证损失', '跑完全部轮次', 'val_loss')
    """
    require_language(language)
    if language == "en":
        return text
    for pattern, chinese in phrases.items():
        if found := re.fullmatch(pattern, text):
            return chinese.format(*(named(part, language) for part in found.groups()))
    return names.get(text.replace("_", " "), text)
