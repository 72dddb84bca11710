"""Every sentence of the audit, in English and Chinese."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maplet.bilingual import Bilingual
from maplet.health.audit.causes import Cause

if TYPE_CHECKING:
    from collections.abc import Mapping

# key → (English, Chinese)
words: Mapping[str, tuple[str, str]] = {
    Cause.SIGN: ("the sign is flipped", "符号反了"),
    Cause.FACTOR: (
        "a factor is wrong: what stands there is to be multiplied by {factor}",
        "系数不对：这里的值应乘以 {factor}",
    ),
    Cause.MISSING_MEAN: (
        "1/N is missing (N = {count}): a sum stands where the loss takes the mean",
        "缺少 1/N（N = {count}）：损失取平均，这里却是求和",
    ),
    Cause.EXTRA_MEAN: (
        "1/N is there once too often (N = {count}), or a mean stands where a sum belongs",
        "多乘了一次 1/N（N = {count}），或该求和处取了平均",
    ),
    Cause.MISSING_DERIVATIVE: ("the local derivative ∂{last}/∂{first} is left out", "漏乘局部导数 ∂{last}/∂{first}"),
    Cause.EXTRA_DERIVATIVE: (
        "a local derivative is there that does not belong, or is there twice",
        "多乘了一个局部导数，或同一个乘了两次",
    ),
    Cause.WRONG_DERIVATIVE: (
        "the local derivative ∂{last}/∂{first} is another function{other}",
        "局部导数 ∂{last}/∂{first} 用成了别的函数{other}",
    ),
    Cause.DERIVATIVE_AT_OUTPUT: (
        "the derivative ∂{last}/∂{first} is taken at the output {last}, not the input {first}",
        "导数 ∂{last}/∂{first} 应在输入 {first} 处取值，却用了输出 {last}",
    ),
    Cause.DERIVATIVE_AT_INPUT: (
        "the formula for the output {last} is given the input {first}",
        "以输出 {last} 表示的导数公式里代入了输入 {first}",
    ),
    Cause.OUTPUT_DERIVATIVE_TWICE: (
        "the derivative of the last activation is applied twice: the loss has it already",
        "输出层激活函数的导数乘了两次：损失的导数中已经包含它",
    ),
    Cause.TRANSPOSE: ("a transpose is missing, or is one too many", "缺少或多了一次转置"),
    Cause.NOT_SUMMED: (
        "the gradient is not summed over what broadcasting repeated (axes {axes})",
        "没有对广播重复的轴求和（轴 {axes}）",
    ),
    Cause.WRONG_AXIS: ("the sum goes over {used}, and belongs over {axes}", "求和是对{used}，应对{axes}"),
    Cause.STALE_WEIGHTS: (
        "{right} is used after it was updated",
        "{right} 在更新之后才被用来求梯度",
    ),
    Cause.BROADCAST: ("arrays of shapes {shapes} make a square one together", "形状 {shapes} 的两个数组广播成了方阵"),
    "broadcast in the loss": (
        "in the loss, arrays of shapes {shapes} make a square one together: every row is compared with every other",
        "损失中，形状 {shapes} 的两个数组广播成了方阵：每一行都与所有行相比较",
    ),
    Cause.CLIPPED: ("the gradient is cut off on its way", "梯度在途中被截断"),
    "zeros": ("the gradient is cut off here: zeros stand in its place", "梯度在此被截断：它的位置上是零"),
    Cause.MISSING_PATH: (
        "the path from {value} through line {line_of_path} is left out",
        "漏掉了从 {value} 经第 {line_of_path} 行的路径",
    ),
    Cause.EXTRA_PATH: (
        "a term is there that does not belong, or a path is counted twice",
        "多了一项，或同一条路径算了两次",
    ),
    Cause.WRONG_TARGET: ("the targets are in another code than in the loss", "目标的编码与损失函数中的不同"),
    Cause.WRONG_VALUE: ("{used} stands where {right} belongs", "该用 {right} 的地方用了 {used}"),
    Cause.CLIMBS: ("the update goes up the gradient", "更新沿梯度上升"),
    Cause.UNKNOWN: (
        "here the error begins: this should be ∂L/∂{value}; its cause is none that is known here",
        "错误从这里开始：这里应是 ∂L/∂{value}；原因不在已知之列",
    ),
    "right": ("right", "正确"),
    "noise": (
        "right; what differs is rounding in {dtype} (relative error {error})",
        "正确；差别只是 {dtype} 的舍入（相对误差 {error}）",
    ),
    "wrong": ("WRONG, relative error {error}", "错误，相对误差 {error}"),
    "head": ("{wrong} of {count} gradients are wrong", "{count} 个梯度中有 {wrong} 个错误"),
    "head right": ("all {count} gradients are right", "{count} 个梯度全部正确"),
    "head some": ("{right} of {count} gradients are right", "{count} 个梯度中有 {right} 个正确"),
    "but the loss": (", but the loss itself is not", "，但损失本身有错"),
    "and not judged": (", {unjudged} not judged: {names}", "，{unjudged} 个未作判断：{names}"),
    "confirmed": (
        "with this mended, it is right to a relative error of {error}, also on {inputs} other random inputs",
        "改正后相对误差为 {error}，另外 {inputs} 组随机输入上同样成立",
    ),
    "nothing": (
        "no known cause fits; the layer where it begins could not be found",
        "没有已知的原因相符，也找不到错误开始的那一层",
    ),
    "entry": ("at {index}: given {given}, right {right}", "位置 {index}：给出 {given}，应为 {right}"),
    "differences": (
        "the forward function could not be recorded ({why}): compared with central differences",
        "前向函数无法记录（{why}）：与中心差分比较",
    ),
    "unpaired": (
        "what else backward returns ({what}) belongs to no argument ({inputs}) and was not judged",
        "反向函数返回的其余值（{what}）不属于任何参数（{inputs}），未作判断",
    ),
    "none": ("backward gives None for {names}, which was not judged", "反向函数对 {names} 返回 None，未作判断"),
    "left out": (
        "backward gives no gradient for {names}, on which the loss depends",
        "反向函数没有给出 {names} 的梯度，而损失依赖于它",
    ),
    "fitted": (
        "what backward calls {given} is taken for the gradient of {name}, by its shape",
        "反向函数所称的 {given} 按形状视为 {name} 的梯度",
    ),
    "unconfirmed": (
        "no other inputs on which the functions can be judged were found: the verdict is that of the given ones alone",
        "没有找到可供判断的其他输入：结论只来自给定的输入",
    ),
    "elsewhere": (
        "on the given inputs it is right; on other random ones it is not, as is shown here",
        "在给定的输入上正确；在其他随机输入上不正确，如下所示",
    ),
    "not finite": ("it holds NaN or infinity, which begins there: {where}", "其中有 NaN 或无穷大，始于：{where}"),
    "epsilon": (
        "but for the small number that the loss adds, which it leaves out",
        "只差损失中加上的小常数，推导时可以略去",
    ),
    "foreign": ("its arrays are not NumPy's", "它的数组不是 NumPy 的"),
    "shape": ("its shape is {given}, that of {name} is {right}", "它的形状是 {given}，而 {name} 的是 {right}"),
    "step": ("the update takes the loss from {before} to {after}", "这一步更新使损失从 {before} 变为 {after}"),
    "rate": (
        "{rate}, by which all updates are a multiple of the gradient, is taken for the learning rate",
        "各参数的更新都是梯度的 {rate} 倍，此系数视为学习率",
    ),
    "besides": (
        "the updates do more than descend: a decay, noise or a bound, which the loss does not have",
        "更新除了下降还做了别的：衰减、噪声或界限，损失中没有这一项",
    ),
    "not judged": ("not judged", "未作判断"),
    "forgotten": ("it is never updated: no line of the turn changes it", "从未更新：这一轮循环没有任何一行改变它"),
    "no gradient": ("of which gradient its update is made could not be told", "看不出它的更新由哪个梯度得来"),
    "plain number": (
        "it was a Python number, of which nothing is recorded: write it as an array, np.array(0.0)",
        "它原是 Python 数，没有记录可查：请写成数组，如 np.array(0.0)",
    ),
    "shared": (
        "it began as one array with another parameter: give each its own, with .copy()",
        "它起初与另一个参数是同一个数组：请用 .copy() 各给一个",
    ),
    "no loss": ("the loss does not depend on it", "损失不依赖于它"),
    "another loss": (
        "its update comes from another loss, computed after the others were updated",
        "它的更新来自另一个损失，该损失在其他参数更新之后才计算",
    ),
    "that of": (": that of {name}", "：{name} 的导数"),
    "axis": ("axis {axes}", "轴 {axes}"),
    "all axes": ("all axes", "所有轴"),
    "rows": ("{many}, the rows of {of}", "{many}，{of} 的行数"),
    "row": ("{many}, an axis of {of}", "{many}，{of} 的一个轴"),
    "elements": ("{many}, the elements of {of}", "{many}，{of} 的元素数"),
    "it": ("a value", "某个值"),
    "and": (" and ", " 与 "),
    "unread": (
        "rows that the loss does not read have a gradient here; it belongs to be 0",
        "损失没有用到的行在这里有了梯度，应为 0",
    ),
    "counted once": (
        "rows whose index stands more than once are added once alone; np.add.at adds them all",
        "索引重复的行只加了一次，np.add.at 才会全部累加",
    ),
    "overwritten": (
        "what was there before is overwritten where it should be added to: = stands for +=",
        "此处应累加（+=），却用 = 覆盖了先前的值",
    ),
    "each": ("the numbers in {of}", "{of} 中的数"),
    "turns": ("{many}, the turns of a loop", "{many}，循环的次数"),
    "reversed": ("what is {of} but for axis {axis} in reverse", "{of} 沿轴 {axis} 的倒序"),
}


def sentence(language: str, key: str, detail: Mapping[str, Any] | None = None) -> str:
    """One sentence in a language, with its details filled in."""
    return Bilingual(*words[key]).speak(language).format(**(detail or {}))
