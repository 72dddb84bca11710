"""The words of the explanations, in English and Chinese."""

from __future__ import annotations

from maplet.bilingual import Bilingual

# key → (English, Chinese)
words = {
    "forward": ("forward pass", "前向传播"),
    "backward": ("backward pass", "反向传播"),
    "parameters": ("inputs and parameters", "输入与参数"),
    "columns": ("the columns of the row", "这一行的各列"),
    "column": ("column", "列"),
    "entry": ("entry", "元素"),
    "steps": ("{0} steps", "{0} 步"),
    "one step": ("1 step", "1 步"),
    "value": ("value", "值"),
    "computes": ("what it computes", "计算"),
    "local": ("local derivative", "局部导数"),
    "cotangent": ("gradient that comes in", "传入的梯度"),
    "chain": ("chain of derivatives from the loss", "从损失出发的导数链"),
    "sent": ("gradient that goes on", "传出的梯度"),
    "received": ("added up over its uses", "对所有使用处求和"),
    "rule": ("rule", "法则"),
    "line": ("line", "代码行"),
    "layer": ("layer", "层"),
    "operation": ("operation", "运算"),
    "no gradient": ("no gradient flows here", "此处没有梯度"),
    "graph": ("the graph: loss at the bottom", "计算图：损失在底部"),
    "boxes": ("{0} boxes, {1} arrows", "{0} 个方框，{1} 个箭头"),
    "outside": ("loss", "损失"),
    "reads": ("reads {0}", "读取 {0}"),
    "folded": (
        'folded by layer; unfold=True shows every step, unfold="NAME" those of one layer',
        '按层折叠；unfold=True 显示每一步，unfold="层名" 展开一层',
    ),
    "listed": (
        'These are {0} steps; more than {1} are listed and not drawn. unfold="NAME" draws those of one layer or line.',
        '共 {0} 步；超过 {1} 步时只列出，不画图。unfold="名称" 可画出一层或一行的各步。',
    ),
    "keys": (
        "Click a node to see the chain of derivatives from it to the loss. Arrow keys: a step forward or backward.",
        "点击节点可查看从它回到损失的导数链；方向键可前进或后退一步。",
    ),
    "headed": ("{0}: {1}", "{0}：{1}"),
    "inside of": ("inside of {0}", "{0} 的内部"),
    "loop step": ("t = {0} of 0 … {1}", "第 t = {0} 步（0 … {1}）"),
    "loop": ("a loop of {0} steps, t = 0 … {1}", "共 {0} 步的循环，t = 0 … {1}"),
    "loop of one": ("a loop of 1 step, t = 0", "共 1 步的循环，t = 0"),
    "no steps": ("a loop without a step", "没有执行任何一步的循环"),
    "branch": ("the branch that was taken: number {0} of 0 … {1}", "所选的分支：第 {0} 个（0 … {1}）"),
    "branch if": ("the branch that was taken: {0} is {1}", "所选的分支：{0} 为{1}"),
    "condition": ("the condition", "条件"),
    "true": ("true", "真"),
    "false": ("false", "假"),
    "call": ("a function that is called", "被调用的函数"),
    "custom": ("a function with a gradient of its own", "自带梯度的函数"),
    "each step": ("what each step computes", "每一步的计算"),
    "through time": (
        "backpropagation through time: each step gives its gradient to the one before it",
        "沿时间反向传播：每一步把梯度传给前一步",
    ),
    "values of steps": ("the values, step by step", "各步的值"),
    "gradients of steps": ("the gradients, from the last step back to the first", "各步的梯度，从最后一步到第一步"),
    "sums of steps": ("what all steps share gets the sum over the steps", "各步共用的量：其梯度为各步之和"),
    "look into": ('inside("{0}", step=t) shows all of one step', 'inside("{0}", step=t) 显示某一步的全部内容'),
    "from step after": ("from step t+1", "来自第 t+1 步"),
    "from step before": ("from step t−1", "来自第 t−1 步"),
    "shape": ("shape", "形状"),
    "step number": ("step {0} of {1}", "第 {0} 步，共 {1} 步"),
    "previous": ("previous", "上一步"),
    "next": ("next", "下一步"),
    "moved": ("moved: {0}", "移动：{0}"),
    "held": ("held fixed: {0}", "保持不变：{0}"),
    "all moved": (
        "no module has parameters here, so every input moves, data too; names chooses",
        "这里没有模块的参数，所以所有输入都移动，包括数据；可用 names 指定",
    ),
    "loss before": ("loss before", "更新前的损失"),
    "loss after": ("loss after", "更新后的损失"),
    "predicted": ("decrease predicted to first order, α‖∇J‖²", "一阶预测的下降 α‖∇J‖²"),
    "real": ("real decrease", "实际下降"),
    # ── the page of all operations ───────────────────────────────────────────────────────────────
    "formula": ("formula: ", "公式："),
    "for": ("for ", "输入："),
    "no input": ("no input", "无"),
    "index notation": ("index notation: ", "指标记号："),
    "convention": ("convention: ", "约定："),
    "example": ("example: ", "例子："),
    "program of": ("a program of {0} operations", "由 {0} 个运算组成的程序"),
    "program of several": ("a program, for several results", "程序（有多个结果）"),
    "composed": ("Composed of these", "由以上运算组合而成"),
    "composed follow": ("Their derivatives follow from those above.", "它们的导数由上面的导数得出。"),
    # ── pictures ─────────────────────────────────────────────────────────────────────────────────
    "descent": ("descent of the loss", "损失的下降过程"),
    "path of descent": (
        "{0} points; the loss goes from {1:.4g} to {2:.4g}, where the ring is",
        "{0} 个点；损失从 {1:.4g} 变为 {2:.4g}（圆圈处）",
    ),
    "loss at": ("loss {0:.4g}", "损失 {0:.4g}"),
    "parameter": ("parameter {0}", "参数 {0}"),
    "direction": ("direction {0} ({1:.0%} of the path)", "方向 {0}（占路径的 {1:.0%}）"),
    "decisions": ("what the net decides", "网络的判定"),
    "points decided": ("{0} points, {1} of them on the wrong side", "{0} 个点，其中 {1} 个在错误的一侧"),
    "first input": ("first input", "第一个输入"),
    "second input": ("second input", "第二个输入"),
    "class": ("class {0}", "类别 {0}"),
    "activation": ("activation of each unit", "每个单元的激活"),
    "units": ("{0} units", "{0} 个单元"),
    "unit": ("unit {0}: {1:.3g} … {2:.3g}", "单元 {0}：{1:.3g} … {2:.3g}"),
    "losses": ("the loss", "损失"),
    "epoch": ("epoch", "轮"),
    "training": ("training", "训练"),
    "validation": ("validation", "验证"),
    "course": ("{0}: from {1:.4g} to {2:.4g} in {3}", "{0}：{3} 轮内从 {1:.4g} 到 {2:.4g}"),
    "no course": ("{0}: nothing that is finite", "{0}：没有有限的数"),
    "flow": ("gradient of each parameter", "各参数的梯度"),
    "root mean square": ("root mean square of the gradient: {0}", "梯度的均方根：{0}"),
    "spread": ("how the numbers are spread", "数值的分布"),
    "numbers spread": (
        "{0} numbers from {1:.3g} to {2:.3g}, mean {3:.3g}, standard deviation {4:.3g}",
        "{0} 个数，从 {1:.3g} 到 {2:.3g}，均值 {3:.3g}，标准差 {4:.3g}",
    ),
    "not finite": (", {0} not finite", "，其中 {0} 个不是有限数"),
    "count": ("count", "个数"),
    "spread over time": ("how the numbers are spread, over time", "数值分布随时间的变化"),
    "median": (
        "{0} steps; the median goes from {1:.3g} to {2:.3g}",
        "{0} 步；中位数从 {1:.3g} 变为 {2:.3g}",
    ),
    "step": ("step", "步"),
    "update": ("one step of gradient descent: θ ↦ θ − α∇J", "梯度下降的一步：θ ↦ θ − α∇J"),
}

# The name that `rules.rule_of` gives → what the rule says.
rules = {
    "input": (
        "An input: what comes in from all its uses, added up, is its gradient.",
        "输入：来自所有使用处的梯度之和就是它的梯度。",
    ),
    "stopped": (
        "No gradient flows through it: it gives truth values or integers, or nothing behind it is differentiated.",
        "没有梯度通过：它给出布尔值或整数，或其后没有需要求导的量。",
    ),
    "passed on": (
        "The local derivative is 1: the gradient passes on unchanged, as through a sum.",
        "局部导数为 1：梯度原样传递，如同经过加法。",
    ),
    "chain": (
        "Chain rule: the gradient that comes in, times the local derivative.",
        "链式法则：传入的梯度乘以局部导数。",
    ),
    "moved": (
        "It only moves elements, so each gradient goes back to where its element came from; copies add up.",
        "它只移动元素，因此梯度回到元素原来的位置；被复制的元素梯度相加。",
    ),
    "product": (
        "A product: each factor gets the gradient times the other one, summed over the shared index (a transpose).",
        "乘积：每个因子得到梯度与另一因子之积，对公共下标求和（矩阵则取转置）。",
    ),
    "summed": (
        "A sum over axes: every summand gets the gradient of the sum.",
        "沿轴求和：每个加数都得到和的梯度。",
    ),
    "item": (
        "One of several results: its gradient is what goes into the operation from this one.",
        "多个结果之一：它的梯度就是该运算从这个结果得到的梯度。",
    ),
    "chosen": (
        "Only what was chosen as the greatest or least gets the gradient; ties share it.",
        "只有被选中的最大（最小）元素得到梯度；并列者平分。",
    ),
    "own": ("By the rule of the operation.", "按该运算自己的法则。"),
    "host": (
        "By the rule of the operation, which is an algorithm of its own (sorting, linear algebra).",
        "按该运算自己的法则：它本身是一个算法（排序或线性代数）。",
    ),
    "loop": (
        "A loop: the gradient goes through its steps from the last to the first; what all steps read gets the sum.",
        "循环：梯度从最后一步逐步传到第一步；各步共用的量得到各步梯度之和。",
    ),
    "branch": (
        "A branch: the gradient goes through the one that was taken.",
        "分支：梯度只通过所选的那个分支。",
    ),
    "call": (
        "A function that is called: the gradient goes through the program inside, which is computed again for it.",
        "被调用的函数：梯度通过其内部的程序，前向值会重新计算。",
    ),
    "custom": (
        "A function with a gradient of its own: by the pullback that its author wrote.",
        "自带梯度的函数：按作者给出的反向规则。",
    ),
}
repeated = Bilingual(
    " What was repeated by broadcasting is added up again.",
    "被广播复制的部分，其梯度要再求和。",
)


def say(key: str, language: str, *values: object) -> str:
    """A word in a language, with values in it.

    Raises
    ------
    SettingError
        If nothing is written in that language.
    """
    said = Bilingual(*words[key]).speak(language)
    return said.format(*values) if values else said
