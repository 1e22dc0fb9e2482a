//! A page in Chromium, and all that it said and asked for.

use std::{
    fs,
    sync::{Arc, Mutex, PoisonError},
};

use headless_chrome::{
    Browser as Chromium, Tab,
    browser::tab::point::Point,
    protocol::cdp::{
        Emulation, Network,
        types::{Event, Method},
    },
};

use super::launch::{self, PATIENCE};

type Lines = Arc<Mutex<Vec<String>>>;

/// A page that is open.
pub(crate) struct Browser {
    // Ends with this value.
    _chromium: Chromium,
    _folder: tempfile::TempDir,
    tab: Arc<Tab>,
    address: String,
    messages: Lines,
    requests: Lines,
}

impl Browser {
    /// Opens a page from a file.
    pub(crate) fn open(html: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("report.html");
        fs::write(&file, html).unwrap();
        let program = launch::program().expect("Chromium is installed");
        let chromium = launch::start(program, folder.path()).unwrap();
        let tab = chromium.new_tab().unwrap();
        tab.set_default_timeout(PATIENCE);
        let (messages, requests) = (Lines::default(), Lines::default());
        let heard = (Arc::clone(&messages), Arc::clone(&requests));
        tab.add_event_listener(Arc::new(move |event: &Event| hear(event, &heard.0, &heard.1)))
            .unwrap();
        tab.enable_log().unwrap();
        tab.enable_runtime().unwrap();
        tab.call_method(Network::Enable {
            max_total_buffer_size: None,
            max_resource_buffer_size: None,
            max_post_data_size: None,
            report_direct_socket_traffic: None,
            enable_durable_messages: None,
        })
        .unwrap();
        let address = format!("file://{}", file.display());
        tab.navigate_to(&address).unwrap().wait_until_navigated().unwrap();
        Self { _chromium: chromium, _folder: folder, tab, address, messages, requests }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Returns what the page has said to the console, what went wrong in it, and what its policy has refused.
    pub(crate) fn messages(&self) -> Vec<String> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the addresses that it has asked for.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs something in the page.
    pub(crate) fn evaluate(&self, script: &str) -> Option<serde_json::Value> {
        self.tab.evaluate(script, true).unwrap_or_else(|err| panic!("{script}: {err}")).value
    }

    pub(crate) fn text(&self, script: &str) -> String {
        let value = self.evaluate(script);
        value
            .as_ref()
            .and_then(|it| it.as_str())
            .unwrap_or_else(|| panic!("{script}: {value:?}"))
            .to_owned()
    }

    pub(crate) fn number(&self, script: &str) -> f64 {
        let value = self.evaluate(script);
        value
            .as_ref()
            .and_then(serde_json::Value::as_f64)
            .unwrap_or_else(|| panic!("{script}: {value:?}"))
    }

    /// Waits until this is true in the page.
    pub(crate) fn wait_for(&self, condition: &str) {
        let script = format!(
            "new Promise((resolve) => {{ const look = () => ({condition}) ? resolve(true) : setTimeout(look, 10); look(); }})"
        );
        self.evaluate(&script);
    }

    /// Clicks at a part of the width of an element, and so many pixels below its top.
    pub(crate) fn click_at(&self, selector: &str, part: f64, below: f64) {
        self.evaluate(&format!("document.querySelector('{selector}').scrollIntoView()"));
        let place = |side: &str| {
            self.number(&format!(
                "document.querySelector('{selector}').getBoundingClientRect().{side}"
            ))
        };
        let point = Point { x: place("left") + part * place("width"), y: place("top") + below };
        self.tab.click_point(point).unwrap();
    }

    pub(crate) fn press(&self, key: &str) {
        self.tab.press_key(key).unwrap();
    }

    pub(crate) fn resize(&self, width: u32, height: u32) {
        self.tab
            .call_method(Emulation::SetDeviceMetricsOverride {
                width,
                height,
                device_scale_factor: 2.0,
                mobile: true,
                scale: None,
                screen_width: None,
                screen_height: None,
                position_x: None,
                position_y: None,
                dont_set_visible_size: None,
                screen_orientation: None,
                viewport: None,
                display_feature: None,
                device_posture: None,
            })
            .unwrap();
        self.wait_for(&format!("document.documentElement.clientWidth === {width}"));
    }

    /// Shows the page as a system does that wants dark ones.
    pub(crate) fn darken(&self) {
        let name = "prefers-color-scheme".to_owned();
        let features = vec![Emulation::MediaFeature { name, value: "dark".to_owned() }];
        self.tab
            .call_method(Emulation::SetEmulatedMedia { media: None, features: Some(features) })
            .unwrap();
    }

    /// Returns the roles that screen readers are told of, of all elements.
    pub(crate) fn roles(&self) -> Vec<String> {
        let told = self.tab.call_method(WholeTree {}).unwrap();
        let nodes = told["nodes"].as_array().unwrap();
        let heard = nodes.iter().filter(|node| node["ignored"] == false);
        heard.filter_map(|node| node["role"]["value"].as_str().map(str::to_owned)).collect()
    }

    pub(crate) fn print(&self) -> Vec<u8> {
        self.tab.print_to_pdf(None).unwrap()
    }
}

/// Asks for the tree that screen readers get, as JSON: newer programs have properties that the crate doesn't know.
#[derive(Debug, serde::Serialize)]
struct WholeTree {}

impl Method for WholeTree {
    const NAME: &'static str = "Accessibility.getFullAXTree";
    type ReturnObject = serde_json::Value;
}

fn hear(event: &Event, messages: &Lines, requests: &Lines) {
    let note = |lines: &Lines, text: String| {
        lines.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    };
    #[expect(clippy::wildcard_enum_match_arm, reason = "there are hundreds of other events")]
    match event {
        Event::LogEntryAdded(entry) => note(messages, format!("{:?}", entry.params.entry)),
        Event::RuntimeConsoleAPICalled(call) => note(messages, format!("{:?}", call.params.args)),
        Event::RuntimeExceptionThrown(thrown) => {
            note(messages, format!("{:?}", thrown.params.exception_details));
        }
        Event::NetworkRequestWillBeSent(sent) => {
            let url = sent.params.request.url.clone();
            // Icons and blobs that are in the page itself.
            if !url.starts_with("data:") {
                note(requests, url);
            }
        }
        _ => {}
    }
}
