//! Pages in Chromium, headless, driven through the `DevTools` protocol: what they do, and what they don't.

#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends where it can't go on"
)]

mod browser;
mod launch;
mod runs;

mod chromium {
    use report::{Page, Report};
    use store::Record;

    use super::{
        browser::Browser,
        runs::{self, page_of},
    };

    fn opened(head: &Record, base: Option<&Record>) -> Browser {
        let browser = Browser::open(&page_of(head, base).html);
        // Graphs are drawn when they are seen.
        browser.evaluate("document.querySelector('section.flame').scrollIntoView()");
        browser.wait_for("document.querySelector('section.flame').dataset.state === 'open'");
        browser
    }

    #[test]
    fn a_page_asks_for_nothing_and_says_nothing() {
        let browser = opened(&runs::head(), Some(&runs::base()));
        browser.evaluate("document.querySelectorAll('details').forEach((it) => (it.open = true))");
        let states = "[...document.querySelectorAll('section.flame')].map((it) => { it.scrollIntoView(); return 0 })";
        browser.evaluate(states);
        browser.wait_for(
            "[...document.querySelectorAll('section.flame')].every((it) => it.dataset.state === 'open')",
        );
        assert_eq!(browser.messages(), [""; 0]);
        assert_eq!(browser.requests(), [browser.address()]);
    }

    #[test]
    fn totals_are_those_that_were_measured() {
        let browser = opened(&runs::head(), None);
        let total = |section: &str, column: u32| {
            let show = format!(
                "(() => {{ const one = codspeedReport.sections.get('{section}'); const select = one.controls.column; \
                    if (select) {{ select.value = '{column}'; select.dispatchEvent(new Event('change')); }} \
                    return Math.round(one.root.total * 1000) / 1000; }})()"
            );
            browser.number(&show)
        };
        for number in 1..=3 {
            browser.evaluate(&format!("document.getElementById('b{number}').open = true; document.getElementById('b{number}-flame').scrollIntoView()"));
            browser.wait_for(&format!("codspeedReport.sections.has('b{number}-flame')"));
        }
        let record = runs::head();
        let value = |at: usize, key: &str| record.benchmarks[at].metrics[key].value;
        assert_eq!(total("b1-flame", 0).to_string(), value(0, "median_ns").to_string());
        assert_eq!(total("b2-flame", 0).to_string(), value(1, "instructions").to_string());
        assert_eq!(total("b3-flame", 0).to_string(), value(2, "total_bytes").to_string());
        assert_eq!(total("b3-flame", 1).to_string(), value(2, "peak_bytes").to_string());
    }

    #[test]
    fn a_click_zooms_and_escape_zooms_out() {
        let browser = opened(&runs::head(), Some(&runs::base()));
        let focus = "codspeedReport.sections.get('b1-flame').graph.focus";
        let name = format!(
            "{focus} && codspeedReport.sections.get('b1-flame').flame.frames[{focus}.frame].name"
        );
        // The third row: below all functions and `main`.
        browser.click_at("#b1-flame canvas", 0.2, 2.5 * 19.0);
        assert_eq!(browser.text(&name), "fill");
        let told = browser.text("document.querySelector('#b1-flame [data-role=told]').textContent");
        assert!(told.starts_with("fill; prog; total: "), "{told}");
        browser.press("Escape");
        assert_eq!(browser.text(&format!("String({focus})")), "null");
    }

    #[test]
    fn arrows_select_and_enter_zooms() {
        let browser = opened(&runs::head(), None);
        browser.evaluate("document.querySelector('#b1-flame canvas').focus()");
        for key in ["ArrowDown", "ArrowDown", "ArrowRight", "Enter"] {
            browser.press(key);
        }
        let selected = "codspeedReport.sections.get('b1-flame').graph.selected.frame";
        let name = format!("codspeedReport.sections.get('b1-flame').flame.frames[{selected}].name");
        assert_eq!(browser.text(&name), "log");
        browser.evaluate("document.querySelector('#b1-flame [data-role=sandwich]').click()");
        let title = "document.querySelector('#b1-flame [data-role=around-title]').textContent";
        assert!(browser.text(title).starts_with("log: "), "{}", browser.text(title));
        let rows = "codspeedReport.sections.get('b1-flame').callers.rows.length";
        assert_eq!(browser.number(rows).to_string(), "3");
    }

    #[test]
    fn a_search_tells_its_share_and_inverting_keeps_the_total() {
        let browser = opened(&runs::head(), None);
        let search = |text: &str| {
            browser.evaluate(&format!(
                "(() => {{ const it = document.querySelector('#b1-flame [data-role=search]'); it.value = '{text}'; \
                    it.dispatchEvent(new Event('input')); }})()"
            ));
            browser.text("document.querySelector('#b1-flame [data-role=matched]').textContent")
        };
        assert_eq!(search("FILL"), "matched: 70.0 %");
        assert_eq!(search("/^(fill|sort)$/"), "matched: 90.0 %");
        assert_eq!(search("/(/"), "not a valid expression");
        assert_eq!(search("nobody"), "no match");
        assert_eq!(search(""), "");
        let total = "codspeedReport.sections.get('b1-flame').root.total";
        let before = browser.number(total).to_string();
        browser.evaluate("document.querySelector('#b1-flame [data-role=inverted]').click()");
        assert_eq!(browser.number(total).to_string(), before);
        let told = "codspeedReport.sections.get('b1-flame').graph.hooks.describe([...codspeedReport.sections.get('b1-flame').root.children.values()][0]).join()";
        assert!(!browser.text(told).contains("self"), "{}", browser.text(told));
        let roots = "[...codspeedReport.sections.get('b1-flame').root.children.values()]";
        let names = format!(
            "{roots}.map((it) => codspeedReport.sections.get('b1-flame').flame.frames[it.frame].name).sort().join()"
        );
        assert_eq!(browser.text(&names), "fill,log,main,sort");
    }

    #[test]
    fn the_difference_is_red_blue_and_grey() {
        let browser = opened(&runs::head(), Some(&runs::base()));
        let colour = |name: &str| {
            browser.text(&format!(
                "(() => {{ const one = codspeedReport.sections.get('b1-flame'); const look = one.look(one.root); \
                    const main = [...one.root.children.values()][0]; \
                    const node = [...main.children.values()].find((it) => one.flame.frames[it.frame].name === '{name}'); \
                    return look.colour(node, one.flame.frames[node.frame]); }})()"
            ))
        };
        assert!(colour("fill").starts_with("hsl(4 "), "{}", colour("fill"));
        assert!(colour("sort").starts_with("hsl(212 "), "{}", colour("sort"));
        assert!(colour("log").starts_with("hsl(0 0%"), "{}", colour("log"));
    }

    #[test]
    fn tables_are_sorted_and_filtered() {
        let browser = opened(&runs::head(), Some(&runs::base()));
        let first = "document.querySelector('#overview tbody tr').cells[0].textContent";
        let click = "document.querySelector('#overview thead th button').click()";
        browser.evaluate(click);
        assert_eq!(browser.text(first), "allocates");
        browser.evaluate(click);
        assert_eq!(browser.text(first), "timed");
        let sorted = "document.querySelector('#overview thead th').getAttribute('aria-sort')";
        assert_eq!(browser.text(sorted), "descending");
        browser.evaluate(
            "(() => { const it = document.querySelector('form.filter input'); it.value = 'alloc'; \
                it.dispatchEvent(new Event('input', {bubbles: true})); })()",
        );
        assert_eq!(
            browser.text("document.querySelector('form.filter output').textContent"),
            "1 of 3"
        );
    }

    #[test]
    fn both_themes_can_be_read() {
        let browser = opened(&runs::head(), Some(&runs::base()));
        for theme in ["light", "dark"] {
            browser.evaluate(&format!(
                "(() => {{ const it = document.getElementById('theme'); it.value = '{theme}'; \
                    it.dispatchEvent(new Event('change')); }})()"
            ));
            let found = browser.text(CONTRASTS);
            assert_eq!(found, "", "{theme}: pairs below 4.5");
            let surface = browser.text("getComputedStyle(document.body).backgroundColor");
            let is_dark = surface != "rgb(255, 255, 255)";
            assert_eq!(is_dark, theme == "dark", "{surface}");
        }
    }

    /// The pairs of colours that text has, by the contrast of WCAG 2, of those that are too near.
    const CONTRASTS: &str = "(() => {
        const style = getComputedStyle(document.documentElement);
        const channel = (text) => { const part = parseInt(text, 16) / 255;
            return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4; };
        const light = (name) => { const hex = style.getPropertyValue(name).trim().slice(1);
            const [r, g, b] = [0, 2, 4].map((at) => channel(hex.slice(at, at + 2)));
            return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
        const pairs = [['--text', '--surface'], ['--text', '--raised'], ['--dim', '--surface'], ['--accent', '--surface'],
            ['--bad', '--surface'], ['--good', '--surface'], ['--doubt', '--surface'], ['--match-text', '--match'],
            ['--dim', '--raised']];
        return pairs.filter(([one, other]) => { const [a, b] = [light(one), light(other)];
            return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5; }).map((it) => it.join(' on ')).join(); })()";

    #[test]
    fn a_phone_scrolls_in_one_direction() {
        let browser = opened(&runs::head(), Some(&runs::base()));
        browser.resize(390, 800);
        let wider = "document.documentElement.scrollWidth > document.documentElement.clientWidth";
        assert_eq!(browser.text(&format!("String({wider})")), "false");
        let canvas =
            "document.querySelector('#b1-flame canvas').getBoundingClientRect().width <= 390";
        assert_eq!(browser.text(&format!("String({canvas})")), "true");
    }

    #[test]
    fn it_can_be_printed() {
        let browser = opened(&runs::head(), Some(&runs::base()));
        let pdf = browser.print();
        assert!(pdf.starts_with(b"%PDF") && pdf.len() > 10_000, "{} bytes", pdf.len());
        assert_eq!(browser.messages(), [""; 0]);
    }

    #[test]
    fn hostile_names_are_only_text() {
        let (head, base) = (runs::hostile(2), runs::hostile(1));
        let browser = opened(&head, Some(&base));
        for _ in 0..2 {
            browser.press("Tab");
        }
        assert_eq!(browser.text("String(globalThis.wasRun)"), "undefined");
        assert_eq!(
            browser.text("String(document.querySelectorAll('img, iframe, object').length)"),
            "0"
        );
        assert_eq!(browser.messages(), [""; 0]);
        assert_eq!(browser.requests(), [browser.address()]);
        let name = browser.text("document.querySelector('#overview tbody th').textContent");
        assert!(name.starts_with("\"><img src=x onerror"), "{name}");
        let names = browser.text(
            "codspeedReport.sections.values().next().value.flame.frames.map((it) => it.name).join(' ').slice(0, 4000)",
        );
        assert!(names.contains("<img src=x onerror"), "{names}");
    }

    #[test]
    fn ten_thousand_benchmarks_are_a_page() {
        let (head, base) = (runs::many(10_000, 2), runs::many(10_000, 1));
        let Page { html, left_out } = page_of(&head, Some(&base));
        assert!(html.len() <= Report::USUAL_BYTES, "{}", html.len());
        assert!(left_out.iter().any(|text| text.contains("benchmarks")), "{left_out:?}");
        let browser = Browser::open(&html);
        browser.wait_for(
            "document.querySelector('form.filter output').textContent === '10000 of 10000'",
        );
        assert_eq!(browser.messages(), [""; 0]);
    }

    /// A comparison whose table is a large one, with a name that only its last row has.
    fn large() -> Browser {
        let (mut head, mut base) = (runs::many(450, 2), runs::many(450, 1));
        for record in [&mut head, &mut base] {
            "the needle".clone_into(&mut record.benchmarks[449].name);
        }
        Browser::open(&page_of(&head, Some(&base)).html)
    }

    const GROUPS: &str = "document.querySelector('#overview').tBodies";

    #[test]
    fn rows_that_nobody_sees_need_no_layout() {
        // The script has them laid out when nothing else is to do.
        let html = page_of(&runs::many(450, 2), Some(&runs::many(450, 1))).html;
        let browser = Browser::open(&html.replace("<script>", "<script type=\"text/plain\">"));
        let is_laid_out = |group: u32| {
            browser.text(&format!(
                "String({GROUPS}[{group}].rows[0].cells[0].checkVisibility({{contentVisibilityAuto: true}}))"
            ))
        };
        assert_eq!(is_laid_out(0), "true");
        assert_eq!(is_laid_out(3), "false");
        browser.evaluate(&format!("{GROUPS}[3].scrollIntoView()"));
        browser.wait_for(&format!(
            "{GROUPS}[3].rows[0].cells[0].checkVisibility({{contentVisibilityAuto: true}})"
        ));
        // Heads and cells stand in line, and nothing is wider than its column.
        let off = format!(
            "String([...{GROUPS}[3].rows].flatMap((row) => [...row.cells]).filter((cell) => {{ \
                const head = document.querySelector('#overview').tHead.rows[0].cells[cell.cellIndex]; \
                return Math.abs(cell.getBoundingClientRect().left - head.getBoundingClientRect().left) > 0.5 \
                    || cell.scrollWidth > cell.clientWidth; }}).length)"
        );
        assert_eq!(browser.text(&off), "0");
    }

    #[test]
    fn a_search_finds_what_is_not_laid_out() {
        let browser = large();
        assert_eq!(browser.text("String(globalThis.find('the needle'))"), "true");
        browser.wait_for(&format!("{GROUPS}[4].getBoundingClientRect().top < innerHeight"));
    }

    #[test]
    fn screen_readers_hear_of_all_rows() {
        let browser = large();
        browser.wait_for("'whole' in document.querySelector('#overview').dataset");
        let roles = browser.roles();
        let count = |role: &str| roles.iter().filter(|it| *it == role).count();
        // With those of tables of open benchmarks.
        assert!(count("row") > 450 && count("rowheader") >= 450, "{} rows", count("row"));
        assert!(count("cell") >= 6 * 450, "{} cells", count("cell"));
    }

    #[test]
    fn a_large_table_is_sorted_and_filtered_whole() {
        let browser = large();
        let names = format!(
            "[...{GROUPS}].flatMap((it) => [...it.rows]).filter((it) => !it.hidden).map((it) => it.cells[0].textContent)"
        );
        browser.evaluate("document.querySelector('#overview thead th button').click()");
        assert_eq!(browser.text(&format!("String({names}.length)")), "450");
        assert_eq!(browser.text(&format!("{names}.at(-1)")), "the needle");
        let sizes = format!("[...{GROUPS}].map((it) => it.rows.length).join()");
        assert_eq!(browser.text(&sizes), "100,100,100,100,50");
        browser.evaluate(
            "(() => { const it = document.querySelector('form.filter input'); it.value = 'needle'; \
                it.dispatchEvent(new Event('input', {bubbles: true})); })()",
        );
        assert_eq!(browser.text(&format!("{names}.join()")), "the needle");
        let height = "document.querySelector('#overview').getBoundingClientRect().height < 120";
        assert_eq!(browser.text(&format!("String({height})")), "true", "no room for hidden rows");
    }

    #[test]
    fn a_large_table_can_be_read_without_script() {
        let html = page_of(&runs::many(450, 2), Some(&runs::many(450, 1))).html;
        let browser = Browser::open(&html.replace("<script>", "<script type=\"text/plain\">"));
        browser.evaluate("scrollTo(0, document.body.scrollHeight)");
        browser.evaluate(&format!("{GROUPS}[4].scrollIntoView()"));
        let last = format!("{GROUPS}[4].rows[49].cells[0].innerText");
        assert!(browser.text(&last).starts_with("benchmark "), "{}", browser.text(&last));
    }

    #[test]
    fn a_large_table_is_printed_whole() {
        let browser = large();
        let pages = browser.print();
        let count = pages.windows(12).filter(|part| part == b"/Type /Page\n").count();
        // About 45 rows have room on one.
        assert!(count >= 10, "{count} pages");
    }

    #[test]
    fn a_phone_has_no_page_that_is_wider() {
        let (head, base) = (runs::head(), runs::base());
        let pages = [
            page_of(&head, None),
            page_of(&head, Some(&base)),
            page_of(&runs::hostile(2), Some(&runs::hostile(1))),
            page_of(&runs::many(450, 2), Some(&runs::many(450, 1))),
            page_of(&runs::many(450, 2), None),
        ];
        for (nth, page) in pages.iter().enumerate() {
            let browser = Browser::open(&page.html);
            browser.resize(390, 800);
            browser
                .evaluate("document.querySelectorAll('details').forEach((it) => (it.open = true))");
            // A phone makes its window as wide as the page.
            let wide = browser.number("Math.max(document.documentElement.scrollWidth, innerWidth)");
            assert!(wide <= 390.0, "page {nth}: {wide} pixels wide");
        }
    }

    #[test]
    fn all_texts_of_a_dark_page_stand_out() {
        for (head, base) in [(runs::head(), Some(runs::base())), (runs::many(300, 2), None)] {
            let browser = Browser::open(&page_of(&head, base.as_ref()).html);
            assert_eq!(browser.text(FAINT), "", "light");
            browser.darken();
            browser
                .evaluate("document.querySelectorAll('details').forEach((it) => (it.open = true))");
            assert_eq!(browser.text(FAINT), "", "dark");
        }
    }

    /// Elements with text of their own whose computed colours have a contrast below 4.5.
    const FAINT: &str = "(() => {
        const light = (rgb) => { const [r, g, b] = rgb.map((it) => it / 255).map((it) =>
                it <= 0.03928 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
        const parts = (text) => text.match(/[\\d.]+/g).map(Number);
        const behind = (element) => { for (let it = element; it; it = it.parentElement) {
                const colour = parts(getComputedStyle(it).backgroundColor);
                if (colour.length === 3 || colour[3] > 0) { return colour.slice(0, 3); } }
            return [255, 255, 255]; };
        const found = [...document.body.querySelectorAll('*')].filter((it) => {
            const hasText = [...it.childNodes].some((child) => child.nodeType === 3 && child.data.trim() !== '');
            if (!hasText || !it.checkVisibility() || it.tagName === 'SCRIPT') { return false; }
            const style = getComputedStyle(it);
            const inPicture = it instanceof SVGElement;
            const [a, b] = [light(parts(inPicture ? style.fill : style.color).slice(0, 3)), light(behind(it))];
            return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5; });
        return [...new Set(found.map((it) => it.outerHTML.slice(0, 80)))].slice(0, 9).join('; '); })()";
}
