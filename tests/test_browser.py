"""The explorer in a real browser: every tab clicked and dragged, and a few things worse.

Skipped where the extras `app` and `browser` or Chromium are missing.
"""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from resynthesis import runs

from .serving import a_free_port, explorer, send
from .test_explorer import photograph

pytest.importorskip("gradio")
playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = (
    os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
)
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
pytestmark = [
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed"),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
PATIENCE = 20_000  # ms


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def address(kinds: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("served")
    with explorer(list(kinds.values()), a_free_port(), folder) as (found, _):
        yield found


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """A new person's page, on which nothing may go wrong and nothing may come from elsewhere."""
    context = browser.new_context(viewport={"width": 1200, "height": 1000})
    yield watched(context, address)
    context.close()


def watched(context: Any, address: str) -> Any:
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.troubles = []
    page.on("pageerror", lambda error: page.troubles.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((address, "data:", "blob:"))
            else page.troubles.append(request.url)
        ),
    )
    page.goto(address)
    page.wait_for_selector("#rs-mix .rs-thumb")
    return page


def pick(page: Any, *places: int, tab: str = "#rs-mix") -> None:
    thumbs = page.locator(f"{tab} .rs-picker").first.locator(".rs-thumb")
    for place in places:
        thumbs.nth(place).click()


def picture(page: Any, run: str = "run") -> str:
    """The mix that is shown, once nothing is under way."""
    page.wait_for_function("document.documentElement.dataset.asking === '0'")
    shown = page.locator(f'#rs-mix section[aria-label="{run}"] img.rs-large')
    return str(shown.get_attribute("src"))


def until_other(page: Any, than: str, run: str = "run") -> str:
    page.wait_for_function(
        "([run, than]) => { const i = document.querySelector("
        "`#rs-mix section[aria-label='${run}'] img.rs-large`);"
        " return i && i.src.startsWith('data:') && i.src !== than; }",
        arg=[run, than],
    )
    return picture(page, run)


def drag(page: Any, where: Any, *points: tuple[float, float]) -> None:
    """Presses at the first of some points, given as shares of the element, and goes to the last."""
    where.scroll_into_view_if_needed()
    box = where.bounding_box()
    spots = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in points]
    page.mouse.move(*spots[0])
    page.mouse.down()
    for spot in spots[1:]:
        page.mouse.move(*spot, steps=4)
    page.mouse.up()


def tab(page: Any, name: str) -> Any:
    page.get_by_role("tab", name=name).click()
    found = page.locator(f"#rs-{name.lower()}")
    found.locator(".rs-tab > *").last.wait_for(state="attached")
    return found


def test_two_images_on_a_slider(page: Any) -> None:
    pick(page, 0, 9)
    half = until_other(page, "")
    slider = page.get_by_label("from the first image to the second")
    drag(page, slider, (0.5, 0.5), (0.8, 0.5))
    moved = until_other(page, half)
    slider.press("Home")
    first = until_other(page, moved)
    slider.press("End")
    last = until_other(page, first)
    assert len({half, moved, first, last}) == 4
    slider.press("Home")
    assert until_other(page, last) == first
    shown = page.locator('#rs-mix section[aria-label="run"] img.rs-large')
    assert shown.get_attribute("alt") == "mix by run: 100 % of image 1, 0 % of image 2"
    assert page.troubles == []


def test_three_on_a_triangle_and_more_with_weights(page: Any) -> None:
    pick(page, 0, 9, 18)
    middle = until_other(page, "")
    triangle = page.get_by_label("weights of three images")
    drag(page, triangle, (0.5, 0.6), (0.5, 0.2))
    top = until_other(page, middle)
    assert triangle.get_attribute("aria-valuetext").startswith("image 1: ")
    assert int(triangle.get_attribute("aria-valuenow")) > 80
    triangle.press("ArrowDown")
    assert until_other(page, top)
    pick(page, 5)
    page.get_by_label("weight of image 4").press("End")
    four = picture(page)
    page.get_by_label("take out image 4").click()
    assert until_other(page, four)
    assert page.get_by_label("weights of three images").is_visible()
    assert page.troubles == []


def test_channels_by_hand_and_saved_films(page: Any) -> None:
    pick(page, 0, 9, 18)
    before = until_other(page, "")
    page.get_by_label("mixer").select_option("bernoulli")
    drawn = until_other(page, before)
    card = page.locator('#rs-mix section[aria-label="run"]')
    cell = card.locator(".rs-channel").first
    said = cell.get_attribute("aria-label")
    cell.click()
    until_other(page, drawn)
    assert card.locator(".rs-channel").first.get_attribute("aria-label") != said
    card.get_by_text("Save a picture or a film").click()
    card.get_by_label("file").select_option(".gif")
    with page.expect_download() as download:
        card.get_by_role("button", name="Save", exact=True).click()
    assert download.value.suggested_filename == "run-bernoulli.gif"
    with Image.open(io.BytesIO(Path(download.value.path()).read_bytes())) as film:
        assert film.n_frames > 2
    with page.expect_download() as download:
        card.get_by_role("button", name="Save this mix").click()
    with Image.open(download.value.path()) as mix:
        assert mix.size == (16, 16)
    card.get_by_label("pictures from image to image").fill("999")
    card.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("steps must be from 3 to 60, not 999").wait_for()
    assert page.troubles == []


def test_wishes(page: Any) -> None:
    for box in page.locator(".rs-top input").all()[:2]:
        if box.get_attribute("value") != "class":
            box.uncheck()
    page.locator(".rs-top").get_by_label("vae").uncheck()
    page.locator(".rs-top").get_by_label("adapt").uncheck()
    pick(page, 0, 23)
    wishes = page.locator('#rs-mix section[aria-label="class"] .rs-wishes')
    wishes.locator("img").nth(5).wait_for()
    assert "The run reads image 1 as" in wishes.inner_text()
    before = wishes.locator("img").first.get_attribute("src")
    wishes.get_by_role("button", name="Other mixes").click()
    page.wait_for_function(
        "than => document.querySelector('.rs-wishes img').src !== than", arg=before
    )
    assert page.troubles == []


def test_translate(page: Any) -> None:
    translate = tab(page, "Translate")
    translate.locator(".rs-thumb").first.wait_for()
    pick(page, 0, 7, tab="#rs-translate")
    strips = translate.locator(".rs-strip")
    strips.nth(1).wait_for()
    assert strips.first.locator("figure").count() == 5
    before = strips.first.locator("img").nth(1).get_attribute("src")
    translate.get_by_role("button", name="Other styles").click()
    page.wait_for_function(
        "than => document.querySelectorAll('.rs-strip img')[1].src !== than", arg=before
    )
    assert "read as" in strips.first.locator("img").nth(1).get_attribute("alt")
    translate.get_by_label("how many translations").press("Home")
    page.wait_for_function("document.querySelectorAll('.rs-strip')[0].children.length === 2")
    assert page.troubles == []


def test_map(page: Any) -> None:
    found = tab(page, "Map")
    found.get_by_text("Click a point").wait_for()
    canvas = found.locator("canvas")
    box = canvas.bounding_box()
    canvas.click(position={"x": box["width"] * 0.3, "y": box["height"] * 0.3})
    found.get_by_text("Click a second point").wait_for()
    canvas.click(position={"x": box["width"] * 0.7, "y": box["height"] * 0.7})
    film = found.locator("img.rs-large")
    film.wait_for()
    assert found.locator(".rs-walk .rs-thumbs img").count() == 16
    first = film.get_attribute("src")
    page.wait_for_function("than => document.querySelector('img.rs-large').src !== than", arg=first)
    canvas.focus()
    for key in ("ArrowLeft", "ArrowUp", "Enter"):
        canvas.press(key)
    found.get_by_text("Click a second point").wait_for()
    found.get_by_label("run", exact=True).select_option("class")
    found.get_by_label("colour").select_option("thick")
    found.get_by_text("not thick").wait_for()
    assert page.troubles == []


def test_runs(page: Any) -> None:
    found = tab(page, "Runs")
    found.locator("svg.chart").first.wait_for()
    assert "Settings that differ" in found.inner_text()
    samples = found.locator('section[aria-label="samples of vae"]')
    samples.get_by_text("after 4 steps").wait_for()
    page.locator(".rs-top").get_by_label("run").uncheck()
    page.wait_for_function("document.querySelector('#rs-runs table').rows.length === 4")
    assert page.troubles == []


def test_uploads(page: Any, tmp_path: Path, address: str) -> None:
    files = {
        "broken.jpg": photograph(900, 700)[:3000],
        "text.png": b"once upon a time " * 100,
        "photo.jpg": photograph(8000, 5000),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    chooser = page.locator("#rs-mix input[type=file]")
    for name, says in (
        ("broken.jpg", "broken.jpg is broken"),
        ("text.png", "text.png is no image"),
    ):
        chooser.set_input_files(tmp_path / name)
        page.locator("#rs-mix").get_by_text(says).wait_for()
    (tmp_path / "heavy.png").write_bytes(bytes(21 << 20))
    chooser.set_input_files(tmp_path / "heavy.png")
    page.locator("#rs-mix").get_by_text("heavy.png is too large").wait_for()
    chooser.set_input_files(tmp_path / "photo.jpg")
    page.get_by_alt_text("image 1: photo.jpg").wait_for()
    page.get_by_text("Draw one").first.click()
    drag(page, page.locator("canvas.rs-pad").first, (0.3, 0.3), (0.7, 0.7), (0.3, 0.8))
    page.get_by_role("button", name="Use drawing").first.click()
    page.get_by_alt_text("image 2: drawing").wait_for()
    assert until_other(page, "")
    page.evaluate(
        """async uri => {
            const data = new DataTransfer();
            const blob = await (await fetch(uri)).blob();
            data.items.add(new File([blob], "pasted.png", { type: "image/png" }));
            document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data }));
        }""",
        page.locator("#rs-mix .rs-thumb img").first.get_attribute("src"),
    )
    page.get_by_alt_text("image 3: pasted.png").wait_for()
    assert send(address, "")[0] == 200
    assert page.troubles == []


def test_two_people_at_once(page: Any, browser: Any, address: str) -> None:
    context = browser.new_context()
    other = watched(context, address)
    pick(page, 0, 9)
    pick(other, 5, 20)
    mine, theirs = until_other(page, ""), until_other(other, "")
    assert mine != theirs
    for person in (page, other, page, other):
        person.get_by_label("from the first image to the second").press("ArrowRight")
    assert until_other(page, mine) != until_other(other, theirs)
    for person in (page, other):
        person.get_by_label("from the first image to the second").fill("50")
    assert until_other(page, "x") == mine
    assert until_other(other, "x") == theirs
    assert other.troubles == []
    context.close()


def test_the_server_is_killed_and_started_again(
    browser: Any, kinds: dict[str, Path], tmp_path: Path
) -> None:
    context, port = browser.new_context(), a_free_port()
    with explorer([kinds["run"]], port, tmp_path) as (address, process):
        page = watched(context, address)
        pick(page, 0, 9)
        before = until_other(page, "")
        process.kill()
        process.wait(20)
    page.get_by_label("from the first image to the second").press("End")
    page.get_by_text("The explorer does not answer").wait_for()
    with explorer([kinds["run"]], port, tmp_path) as (address, _):
        page.wait_for_timeout(1500)
        if page.locator("#rs-mix .rs-tray img").count() < 2:  # the page was loaded anew
            pick(page, 0, 9)
        page.get_by_label("from the first image to the second").press("Home")
        assert until_other(page, before)
        assert not page.get_by_text("The explorer does not answer").is_visible()
    context.close()


def test_a_run_that_trains_is_followed(
    browser: Any, kinds: dict[str, Path], tmp_path: Path
) -> None:
    runs.copy(kinds["vae"], tmp_path / "young")
    log = tmp_path / "young" / "log.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    log.write_text(lines[0])
    context = browser.new_context()
    with explorer([tmp_path / "young"], a_free_port(), tmp_path) as (address, _):
        page = watched(context, address)
        found = tab(page, "Runs")
        found.get_by_text("young is still training").wait_for()
        log.write_text("".join(lines))
        found.get_by_text("4 of 4, finished").wait_for()
        assert "still training" not in found.inner_text()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phone_and_descriptions(browser: Any, address: str, scheme: str) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 800}, color_scheme=scheme, has_touch=True
    )
    page = watched(context, address)
    pick(page, 0, 9, 18)
    until_other(page, "")
    for name in ("Mix", "Translate", "Map", "Runs"):
        tab(page, name)
        page.wait_for_timeout(400)
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, name
    without = page.evaluate(
        "[...document.querySelectorAll('img')].filter(i => !i.alt).map(i => i.outerHTML)"
    )
    assert without == []
    unnamed = page.evaluate(
        "[...document.querySelectorAll('.rs-tab button, .rs-tab select, .rs-tab input')]"
        ".filter(e => !(e.innerText || e.ariaLabel || e.labels?.length)).map(e => e.outerHTML)"
    )
    assert unnamed == []
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (
        sum(json.loads(dark.replace("rgb", "").replace("(", "[").replace(")", "]"))[:3]) < 200
    ) == (scheme == "dark")
    assert page.troubles == []
    context.close()
