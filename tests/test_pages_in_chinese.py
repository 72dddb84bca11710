"""A page in Chinese says what its English page says: the same sections, tables and programs, and links that lead on."""

import ast
import doctest
import re
from itertools import count
from pathlib import Path
from unicodedata import category

import pytest

ROOT = Path(__file__).resolve().parents[1]
CHINESE = sorted([*ROOT.glob("README.zh.md"), *(ROOT / "docs").glob("*.zh.md")])

FENCE = re.compile(r"\s*```(.*)")
CODE_SPAN = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")
CELL = re.compile(r"(?<!\\)\|")
LINK = re.compile(r"\[((?:[^][]|\[[^][]*\])*)\]\(([^()\s]*)\)")
LANGUAGE = re.compile(r"\s--language[ =]\w+")
COMMAND = re.compile(r"(?:\$ )?(?:maplet|python|git|cd) ")


class Page:
    """What a page is made of: its prose, and its code, fence by fence."""

    def __init__(self, path):
        self.path, self.prose, self.fences, fence = path, [], [], None
        for line in path.read_text(encoding="utf-8").splitlines():
            if found := FENCE.fullmatch(line):
                if fence is None:
                    fence = (found[1], [])
                    self.fences.append(fence)
                    self.prose += ["", f"```{found[1]}", ""]  # where it stands
                else:
                    fence = None
            elif fence is None:
                self.prose.append(line)
            else:
                fence[1].append(line)
        assert fence is None, f"{path.name}: a fence is not closed"

    def outline(self):
        """Heading by heading, its level, and the blocks below it: fences, rows of tables, items, paragraphs."""
        found = [(0, [])]
        for block in re.split(r"\n\s*\n", "\n".join(self.prose).strip("\n")):
            lines, (_, below) = block.split("\n"), found[-1]
            if heading := re.match(r"(#+) ", block):
                found.append((len(heading[1]), []))
            elif len(lines) > 1 and re.fullmatch(r"\|[-:| ]+\|", lines[1]):
                below += [f"row of {len(CELL.findall(CODE_SPAN.sub('', line))) - 1}" for line in lines]
            elif items := [line for line in lines if re.match(r"\s*(?:[-*+]|\d+\.) ", line)]:
                below += ["item"] * len(items)
            else:
                below.append(block if block.startswith("```") else "paragraph")
        return found

    def anchors(self):
        """Where a link can lead on this page: its headings, as GitHub writes them."""
        found = set()
        for line in self.prose:
            if heading := re.match(r"#+ +(.*?) *#*$", line):
                text = LINK.sub(r"\1", heading[1]).lower()
                kept = (letter for letter in text if letter in "-_ " or category(letter)[0] in "LMN")
                name = "".join(kept).replace(" ", "-")
                tries = (f"{name}-{n}" if n else name for n in count())
                found.add(next(one for one in tries if one not in found))
        return found

    def links(self):
        """Each link to a page or a file of the repository: what it is called, the file, and the place in it."""
        for name, target in LINK.findall("\n".join(CODE_SPAN.sub("", line) for line in self.prose)):
            if not re.match(r"\w+:", target):
                file, _, place = target.partition("#")
                yield name, (self.path.parent / file).resolve() if file else self.path, place

    def programs(self):
        """The code of each fence, without what a language may change: comments, what is printed, and ``language=``."""
        for kind, lines in self.fences:
            text = "\n".join(lines) + "\n"
            if ">>> " in text:
                examples = doctest.DocTestParser().get_examples(text)
                yield [unspoken(example.source) for example in examples]
            elif kind == "python":
                yield [unspoken(text)]
            else:
                commands = (re.sub(r"\s+#\s.*", "", line) for line in lines if COMMAND.match(line))
                yield [LANGUAGE.sub("", line).rstrip() for line in commands]


def unspoken(source):
    """A program as Python reads it, but for the language in which it asks for an answer."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            node.keywords = [each for each in node.keywords if each.arg != "language"]
    return ast.unparse(tree)


def english_of(path):
    return path.with_name(path.name.replace(".zh.md", ".md"))


@pytest.fixture(params=CHINESE, ids=[path.name for path in CHINESE])
def pages(request):
    """A page and its peer: the English one, the Chinese one."""
    assert english_of(request.param).exists(), "it has no English page beside it"
    return Page(english_of(request.param)), Page(request.param)


def test_there_are_pages_in_chinese():
    assert len(CHINESE) >= 6, "this test no longer finds them"


def test_both_have_the_same_headings_fences_tables_and_lists(pages):
    english, chinese = pages
    assert chinese.outline() == english.outline()


def test_both_show_the_same_programs(pages):
    english, chinese = pages
    assert list(chinese.programs()) == list(english.programs())


def test_each_links_to_the_other(pages):
    for page, other, name in zip(pages, reversed(pages), ("中文", "English"), strict=True):
        assert (name, other.path) in {(called, file) for called, file, _ in page.links()}


def test_every_link_leads_to_a_file_and_to_a_heading_in_it(pages):
    for page in pages:
        for _, file, place in page.links():
            assert file.exists(), f"{page.path.name} points to {file.name}"
            assert not place or place in Page(file).anchors(), f"{page.path.name} points to {file.name}#{place}"


def test_a_chinese_page_leads_on_in_chinese(pages):
    _, chinese = pages
    for name, file, _ in chinese.links():
        in_chinese = file.with_name(f"{file.stem}.zh.md")
        assert not in_chinese.exists() or name == "English", f"{in_chinese.name} is the page to link to"
