"""Reading order of fragments: the rules of columns, tables, and lines."""

from __future__ import annotations

from pipelex_backend_internal._fragments import Fragment, Paper
from pipelex_backend_internal._layout import page_text

A4 = Paper(0, 595)
SENTENCE = "a line of running text"


def placed(*texts: tuple[float, float, str]) -> list[Fragment]:
    """Fragments of 12 points with letters 5 points wide, drawn in the order given."""
    return [
        Fragment(text=text, left=left, bottom=bottom, right=left + 5 * len(text), top=bottom + 12, order=order)
        for order, (left, bottom, text) in enumerate(texts)
    ]


def read(*texts: tuple[float, float, str], paper: Paper = A4) -> list[str]:
    return page_text(placed(*texts), paper).split("\n")


def test_lines_are_read_from_the_top_whatever_the_order_of_drawing() -> None:
    """Position decides, not the PDF's own order."""
    assert read((50, 100, "third"), (50, 128, "first"), (50, 114, "second")) == ["first", "second", "third"]


def test_pieces_of_one_line_are_put_together() -> None:
    """Fragments on one line are joined from the left: nothing, one space, or two for a wide gap."""
    assert read((50, 100, "one"), (65, 100, "half"), (88, 101, "word"), (200, 100, "far")) == ["onehalf word  far"]


def test_a_blank_line_stands_where_the_page_leaves_room() -> None:
    """Paragraphs stay apart."""
    assert read((50, 160, "title"), (50, 114, "text"), (50, 100, "more")) == ["title", "", "text", "more"]


def test_columns_drawn_one_after_the_other_are_read_so() -> None:
    """Left column first, also where the right one was drawn first."""
    left = [(50, 200 - 14 * n, f"l{n}") for n in range(3)]
    right = [(310, 200 - 14 * n, f"r{n}") for n in range(3)]
    wanted = ["l0", "l1", "l2", "", "r0", "r1", "r2"]
    assert read(*left, *right) == wanted
    assert read(*right, *left) == wanted


def test_columns_of_running_text_are_found_though_drawn_line_by_line() -> None:
    """Lines of running text on both sides of a gutter are columns in any order of drawing."""
    rows = [((50, 200 - 14 * n, f"{SENTENCE} l{n}"), (260, 200 - 14 * n, f"{SENTENCE} r{n}")) for n in range(3)]
    texts = read(*(text for row in rows for text in row))
    assert [text[-2:] for text in texts] == ["l0", "l1", "l2", "", "r0", "r1", "r2"]


def test_short_lines_that_halve_the_page_are_columns() -> None:
    """Words on both halves of the page, each with an edge of its own, are columns."""
    rows = [((50, 200 - 14 * n, f"left line {n}"), (310, 200 - 14 * n, f"right line {n}")) for n in range(3)]
    assert read(*(text for row in rows for text in row))[:2] == ["left line 0", "left line 1"]


def test_a_table_is_read_row_by_row() -> None:
    """Cells drawn row by row, from either end, with short words and figures, stay in their rows."""
    rows = [("Item", "Price"), ("Apples", "3.50"), ("Oranges", "12.00"), ("Total", "15.50")]
    for sides in ((50, 310), (310, 50)):
        cells = [(left, 200 - 14 * n, row[left > 50]) for n, row in enumerate(rows) for left in sides]
        assert read(*cells) == ["Item  Price", "Apples  3.50", "Oranges  12.00", "Total  15.50"]


def test_rules_between_rows_make_a_table_of_what_looks_like_columns() -> None:
    """Text cells that halve the page are a table where lines are drawn between the rows."""
    cells = [
        (left, 200 - 20 * n, f"{name} {n}") for n in range(3) for left, name in ((50, "country"), (310, "capital"))
    ]
    grid = [(50.0, 195 - 20 * n, 550.0, 195.5 - 20 * n) for n in range(-1, 3)]
    assert read(*cells)[0] == "country 0"
    assert read(*cells, paper=Paper(0, 595, lambda: grid))[0] == "country 0  capital 0"


def test_a_frame_around_columns_is_no_table() -> None:
    """Shapes outside the text, or a line down the gutter, do not make a table."""
    cells = [
        (left, 200 - 14 * n, f"{name} line {n}") for n in range(3) for left, name in ((50, "left"), (310, "right"))
    ]
    shapes = [(40.0, 150.0, 560.0, 230.0), (300.0, 150.0, 300.5, 230.0)]
    assert read(*cells, paper=Paper(0, 595, lambda: shapes))[0] == "left line 0"


def test_cells_of_several_lines_are_read_cell_by_cell() -> None:
    """A cell with two lines is read whole before the one beside it, and then the next row."""
    cells = [
        text
        for n in range(2)
        for text in (
            (50, 200 - 40 * n, f"a{n}"),
            (50, 188 - 40 * n, f"b{n}"),
            (200, 200 - 40 * n, f"c{n}"),
            (200, 188 - 40 * n, f"d{n}"),
        )
    ]
    assert [text for text in read(*cells) if text] == ["a0", "b0", "c0", "d0", "a1", "b1", "c1", "d1"]


def test_a_list_keeps_its_numbers_with_their_items() -> None:
    """A number stands before the first line of an item of two lines."""
    items = [
        text
        for n in range(3)
        for text in ((50, 200 - 40 * n, f"{n}."), (90, 200 - 40 * n, "item"), (90, 188 - 40 * n, "goes on"))
    ]
    assert [text for text in read(*items) if text] == [
        "0.  item",
        "goes on",
        "1.  item",
        "goes on",
        "2.  item",
        "goes on",
    ]


def test_a_title_across_closes_the_columns_above_and_below() -> None:
    """Full-width lines are read where they stand, between columns over and under them."""

    def columns(top: float, mark: str) -> list[tuple[float, float, str]]:
        left = [(50.0, top - 14 * n, f"{mark}l{n}") for n in range(2)]
        return left + [(310, top - 14 * n, f"{mark}r{n}") for n in range(2)]

    title = (50, 230, "a title that goes all across the page and closes every gutter of it")
    texts = [text for text in read(*columns(300, "a"), *columns(200, "b"), title) if text]
    assert texts == ["al0", "al1", "ar0", "ar1", title[2], "bl0", "bl1", "br0", "br1"]


def test_three_columns_are_read_from_the_left() -> None:
    """A page may have more than one gutter."""
    columns = [(left, 200 - 14 * n, f"{left}-{n}") for left in (50, 230, 410) for n in range(2)]
    assert [text for text in read(*columns) if text] == [f"{left}-{n}" for left in (50, 230, 410) for n in range(2)]


def test_what_stands_higher_on_the_right_comes_before_the_left() -> None:
    """An address in the upper right corner is read before the letter under it."""
    letter = [(50, 200 - 14 * n, f"text {n}") for n in range(2)]
    address = [(400, 300 - 14 * n, f"address {n}") for n in range(2)]
    assert [text for text in read(*letter, *address) if text] == ["address 0", "address 1", "text 0", "text 1"]


def test_an_initial_belongs_to_the_first_of_its_lines() -> None:
    """A capital three lines high does not draw these lines together."""
    initial = Fragment(text="O", left=50, bottom=170, right=81, top=212, order=0)
    body = placed((82, 200, "nce upon"), (82, 186, "a time"), (82, 172, "there was"))
    assert page_text([initial, *body], A4).split("\n") == ["Once upon", "a time", "there was"]


def test_pieces_of_a_line_in_hebrew_are_put_together_from_the_right() -> None:
    """Scripts that run leftwards keep their direction across fragments, on a page of their own and beside others."""
    assert read((200, 100, "שלום"), (150, 100, "עולם")) == ["שלום  עולם"]
    latin = [(50, 200 - 14 * n, SENTENCE) for n in range(3)]
    assert read(*latin, (200, 100, "שלום"), (150, 100, "עולם"))[-1] == "שלום  עולם"


def test_columns_of_a_page_in_hebrew_begin_at_the_right() -> None:
    """The order of columns follows the script."""
    columns = [(left, 200 - 14 * n, f"{word} {n}") for left, word in ((50, "שמאל"), (310, "ימין")) for n in range(2)]
    assert [text for text in read(*columns) if text] == ["ימין 0", "ימין 1", "שמאל 0", "שמאל 1"]


def test_a_crowded_page_is_read_whole() -> None:
    """No fragment of 20,000 that lie over each other is lost."""
    texts = [(50 + 100 * (n % 5), 800 - 0.2 * (n // 5), f"w{n}") for n in range(20_000)]
    assert len(page_text(placed(*texts), A4).split()) == 20_000


def test_nothing_gives_nothing() -> None:
    """A page without text has the empty text."""
    assert page_text([], A4) == ""
