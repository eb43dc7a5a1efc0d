"""The page of `ideal report` in a real browser: headless Chromium, where there is one."""

import base64
import json
import os
import re
import shutil

import pytest
from fixtures.report import reproduction_record, write_run, write_runs

from ideal.reports.page import make_page
from ideal.runs.read import read_runs

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
FLAGS = (
    *("--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--hide-scrollbars"),
)
PHONE, DESKTOP = 390, 1280  # CSS pixels
PAPER = 680  # A4 between its margins
INCHES = {"paperWidth": 8.27, "paperHeight": 11.69}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs chromium and chromedriver (Debian: chromium-driver)"),
]

# Each element that shows text of its own, with its color, its size, and the color of what lies behind it.
TEXTS = """
return [...document.body.querySelectorAll('*')].filter(each => each.checkVisibility()
  && [...each.childNodes].some(node => node.nodeType === 3 && node.textContent.trim())).map(each => {
    const style = getComputedStyle(each);
    let behind = each;
    while (behind && /, 0\\)$/.test(getComputedStyle(behind).backgroundColor)) behind = behind.parentElement;
    return [each.textContent.trim().slice(0, 40), style.color, parseFloat(style.fontSize),
      behind ? getComputedStyle(behind).backgroundColor : 'rgb(255, 255, 255)'];
  });
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A page of every kind of run."""
    folder = tmp_path_factory.mktemp("report")
    target = folder / "page.html"
    runs, record = write_runs(folder), reproduction_record()
    scores = {
        f"{name}_{end}": 1000.5
        for name in ("information", "score", "error", "likelihood")
        for end in ("of_network", "low", "high")
    }
    rows = [
        row | {f"{light}_{key}": value for light in ("dim", "bright") for key, value in scores.items()} for row in record["rows"]
    ]
    rows[0] = {key: 999.25 if value == 1000.5 else value for key, value in rows[0].items()}
    runs["broad"] = write_run(folder / "broad", record | {"rows": rows}, ["figure.png"])
    found, left_out = read_runs([*map(str, runs.values()), str(folder)])  # which holds runs, and is none
    target.write_text(make_page(found, left_out=left_out).html, encoding="utf-8")
    return target


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium (pip install 'ideal[test]')")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    profile = tmp_path_factory.mktemp("profile")
    for flag in (*FLAGS, f"--user-data-dir={profile}", *(["--no-sandbox"] if os.geteuid() == 0 else [])):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def opened(browser, page):
    """Open the page at a width, in a color scheme, on a screen or on paper."""

    def opened(width=DESKTOP, scheme="light", media=""):
        size = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width == PHONE}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})
        browser.get_log("browser"), browser.get_log("performance")
        browser.get(page.as_uri())
        return browser

    return opened


def channels(color):
    return [float(each) for each in re.findall(r"[\d.]+", color)[:3]]


def luminance(color):
    """Return the relative luminance of WCAG 2."""
    linear = [each / 255 / 12.92 if each / 255 <= 0.04045 else ((each / 255 + 0.055) / 1.055) ** 2.4 for each in channels(color)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    dark, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dark + 0.05)


def test_contrast_of_known_colors():
    assert contrast("rgb(0, 0, 0)", "rgb(255, 255, 255)") == pytest.approx(21)
    assert contrast("rgb(119, 119, 119)", "rgb(255, 255, 255)") == pytest.approx(4.48, abs=0.01)


def test_the_console_is_silent_and_nothing_is_fetched(opened, page):
    driver = opened()
    assert driver.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    requested = {event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"}
    assert page.as_uri() in requested
    assert all(url == page.as_uri() or url.startswith("data:") for url in requested)


@pytest.mark.parametrize(("width", "scheme"), [(DESKTOP, "light"), (DESKTOP, "dark"), (PHONE, "light")])
def test_every_figure_is_seen(opened, width, scheme):
    script = "return [...document.images].map(each => [each.complete, each.naturalWidth, each.offsetWidth, each.offsetHeight])"
    found = opened(width, scheme).execute_script(script)
    assert len(found) == 10
    assert all(complete and natural > 0 and 100 < wide <= width and high > 50 for complete, natural, wide, high in found)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_what_is_behind_it(opened, scheme):
    texts = opened(scheme=scheme).execute_script(TEXTS)
    assert len(texts) > 300
    assert not [each for each in texts if contrast(each[1], each[3]) < (3 if each[2] >= 24 else 4.5)]
    page = luminance(opened(scheme=scheme).execute_script("return getComputedStyle(document.body).backgroundColor"))
    assert page > 0.9 if scheme == "light" else page < 0.05


@pytest.mark.parametrize("width", [320, PHONE, 768, DESKTOP])
def test_the_page_never_scrolls_sideways(opened, width):
    driver = opened(width)
    assert driver.execute_script("return document.documentElement.scrollWidth") <= width
    # What is wider than the page scrolls in a box that the keyboard reaches.
    script = "return [...document.querySelectorAll('*')].filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth"
    script += " && getComputedStyle(e).overflowX === 'auto').every(e => e.tabIndex === 0)"
    assert driver.execute_script(script)


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_nothing_scrolls_up_and_down_within_the_page(opened, width):
    driver = opened(width)
    driver.execute_script("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    script = "return [...document.querySelectorAll('body *')].filter(each => each.scrollHeight > each.clientHeight + 1"
    script += " && /auto|scroll/.test(getComputedStyle(each).overflowY) && each.clientHeight).map(each => each.outerHTML)"
    assert driver.execute_script(script) == []


def test_the_rows_of_a_study_open_and_close_without_a_script(opened):
    driver = opened()
    shown = (
        "return [...document.querySelectorAll('details table')].map(each => each.checkVisibility({contentVisibilityAuto: true}))"
    )
    assert driver.execute_script(shown) == [False, False]
    for summary in driver.find_elements("css selector", "summary"):
        summary.click()
    assert driver.execute_script(shown) == [True, True]
    rows = "return [...document.querySelectorAll('details tbody tr')].every(each => each.offsetHeight > 0)"
    assert driver.execute_script(rows)


def test_links_lead_to_their_runs(opened):
    driver = opened()
    for link in driver.find_elements("css selector", "nav a"):
        link.click()
        target = driver.find_element("css selector", link.get_attribute("href")[link.get_attribute("href").index("#") :])
        place = driver.execute_script("return [arguments[0].getBoundingClientRect().top, innerHeight]", target)
        assert -1 <= place[0] < place[1]
        assert target.find_element("css selector", "h2").text == link.text


def test_it_prints(opened):
    driver = opened(PAPER, "dark", "print")
    outside = "return [...document.querySelectorAll('table, img, pre, dl')].filter("
    outside += "each => each.getBoundingClientRect().right > document.body.getBoundingClientRect().right + 1).length"
    assert driver.execute_script(outside) == 0
    printed = "return [...document.querySelectorAll('details tbody')]"
    printed += ".map(each => [...each.rows].filter(row => row.offsetHeight).length)"
    assert driver.execute_script(printed) == [15, 15]  # also of what is folded on the screen
    cut = "return [...document.querySelectorAll('.scroll')].filter(each => each.scrollHeight > each.clientHeight + 1).length"
    assert driver.execute_script(cut) == 0
    texts = driver.execute_script(TEXTS)
    assert all(contrast(each[1], "rgb(255, 255, 255)") >= 4.5 for each in texts)  # dark letters, though the screen is dark
    breaks = "return [...document.querySelectorAll('section[id^=run-]')].slice(1).map(each => getComputedStyle(each).breakBefore)"
    assert set(driver.execute_script(breaks)) == {"page"}
    driver = opened()
    printed = base64.b64decode(driver.execute_cdp_cmd("Page.printToPDF", {**INCHES, "preferCSSPageSize": True})["data"])
    pages = len(re.findall(rb"/Type\s*/Page\b", printed))
    assert 5 <= pages <= 20
