//! A tab that remembers what went wrong in it and what it asked for.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use chromiumoxide::Page;
use chromiumoxide::cdp::browser_protocol::emulation::{
    MediaFeature, SetDeviceMetricsOverrideParams, SetScriptExecutionDisabledParams,
};
use chromiumoxide::cdp::browser_protocol::input::{DispatchKeyEventParams, DispatchKeyEventType};
use chromiumoxide::cdp::browser_protocol::log::EventEntryAdded;
use chromiumoxide::cdp::browser_protocol::network::EventRequestWillBeSent;
use chromiumoxide::cdp::browser_protocol::page::{
    EventJavascriptDialogOpening, SetBypassCspParams, Viewport,
};
use chromiumoxide::cdp::js_protocol::runtime::{EventConsoleApiCalled, EventExceptionThrown};
use chromiumoxide::page::ScreenshotParams;
use futures_util::{Stream, StreamExt};
use serde_json::Value;

/// A condition that does not come true in this time never does.
const PATIENCE: Duration = Duration::from_secs(20);
const STEP: Duration = Duration::from_millis(20);

/// How a page is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    Light,
    Dark,
    Phone,
}

impl Look {
    pub(crate) const ALL: [Self; 3] = [Self::Light, Self::Dark, Self::Phone];
}

/// A tab.
pub(crate) struct Tab {
    page: Page,
    errors: Arc<Mutex<Vec<String>>>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Tab {
    pub(crate) async fn new(page: Page) -> anyhow::Result<Self> {
        let (errors, requests) = (Arc::default(), Arc::default());
        page.enable_log().await?;
        page.enable_runtime().await?;
        note(
            &errors,
            page.event_listener::<EventEntryAdded>().await?,
            |entry| {
                let entry = &entry.entry;
                Some(format!(
                    "{:?}: {} {}",
                    entry.level,
                    entry.text,
                    entry.url.as_deref().unwrap_or_default()
                ))
            },
        );
        note(
            &errors,
            page.event_listener::<EventExceptionThrown>().await?,
            |thrown| {
                let details = &thrown.exception_details;
                let what = details
                    .exception
                    .as_ref()
                    .and_then(|what| what.description.clone());
                Some(what.unwrap_or_else(|| details.text.clone()))
            },
        );
        note(
            &errors,
            page.event_listener::<EventConsoleApiCalled>().await?,
            |call| Some(format!("console: {:?}", call.args)),
        );
        note(
            &errors,
            page.event_listener::<EventJavascriptDialogOpening>()
                .await?,
            |dialog| Some(format!("a dialog opened: {}", dialog.message)),
        );
        note(
            &requests,
            page.event_listener::<EventRequestWillBeSent>().await?,
            |request| Some(request.request.url.clone()),
        );
        let tab = Self {
            page,
            errors,
            requests,
        };
        tab.look(Look::Light).await?;
        Ok(tab)
    }

    /// Sets width and colours.
    pub(crate) async fn look(&self, look: Look) -> anyhow::Result<()> {
        let (width, height, scale) = match look {
            Look::Phone => (390, 844, 2.0),
            _ => (1200, 900, 1.0),
        };
        let size = SetDeviceMetricsOverrideParams::new(width, height, scale, look == Look::Phone);
        self.page.execute(size).await?;
        let scheme = match look {
            Look::Dark => "dark",
            _ => "light",
        };
        let feature = MediaFeature::new("prefers-color-scheme", scheme);
        self.page.emulate_media_features(vec![feature]).await?;
        Ok(())
    }

    pub(crate) async fn without_scripts(&self) -> anyhow::Result<()> {
        let off = SetScriptExecutionDisabledParams::new(true);
        self.page.execute(off).await?;
        Ok(())
    }

    /// Lets a checker in, which the page's own policy would refuse.
    pub(crate) async fn without_policy(&self) -> anyhow::Result<()> {
        self.page.execute(SetBypassCspParams::new(true)).await?;
        Ok(())
    }

    /// Opens an address and waits until it is there.
    pub(crate) async fn open(&self, url: &str) -> anyhow::Result<()> {
        self.page
            .goto(url)
            .await
            .with_context(|| format!("cannot open {url}"))?;
        self.until(
            "the page is loaded",
            "document.readyState === 'complete' && location.href !== 'about:blank'",
        )
        .await
    }

    /// What an expression of JavaScript is.
    pub(crate) async fn value(&self, expression: &str) -> anyhow::Result<Value> {
        let evaluated = self.page.evaluate_expression(expression).await;
        let evaluated = evaluated.with_context(|| format!("cannot evaluate {expression:.200}"))?;
        Ok(evaluated.value().cloned().unwrap_or(Value::Null))
    }

    /// The text of the first element of a selector.
    pub(crate) async fn text(&self, selector: &str) -> anyhow::Result<String> {
        let expression = format!(
            "document.querySelector({}).textContent.trim()",
            Value::from(selector)
        );
        match self.value(&expression).await? {
            Value::String(text) => Ok(text),
            other => bail!("{selector} is no text but {other}"),
        }
    }

    /// Waits until an expression is true.
    pub(crate) async fn until(&self, what: &str, expression: &str) -> anyhow::Result<()> {
        let began = Instant::now();
        // While a page is being replaced there is nothing to ask.
        while !self
            .value(expression)
            .await
            .is_ok_and(|value| value == true)
        {
            ensure!(began.elapsed() < PATIENCE, "waited too long until {what}");
            tokio::time::sleep(STEP).await;
        }
        Ok(())
    }

    /// Presses the key that goes from one element to the next.
    pub(crate) async fn press_tab(&self) -> anyhow::Result<()> {
        for kind in [
            DispatchKeyEventType::RawKeyDown,
            DispatchKeyEventType::KeyUp,
        ] {
            let key = DispatchKeyEventParams::builder()
                .r#type(kind)
                .key("Tab")
                .code("Tab")
                .windows_virtual_key_code(9)
                .build()
                .map_err(anyhow::Error::msg)?;
            self.page.execute(key).await?;
        }
        Ok(())
    }

    /// Nothing was complained of, and nothing foreign asked for.
    pub(crate) fn is_clean(&self, base: &str) -> anyhow::Result<()> {
        let errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        ensure!(errors.is_empty(), "the console says {errors:?}");
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        ensure!(!requests.is_empty(), "no request was seen");
        for url in requests.iter() {
            ensure!(
                url.starts_with(base),
                "something foreign was asked for: {url}"
            );
        }
        Ok(())
    }

    /// Saves a picture of the page: its beginning, or all of it.
    pub(crate) async fn picture(&self, file: &Path, is_whole: bool) -> anyhow::Result<()> {
        let size = "[innerWidth, innerHeight, document.documentElement.scrollHeight]";
        let size = self.value(size).await?;
        let size = |at: usize| size[at].as_f64().unwrap_or(1000.0);
        let what = ScreenshotParams::builder()
            .capture_beyond_viewport(is_whole)
            .clip(Viewport {
                x: 0.0,
                y: 0.0,
                width: size(0),
                height: if is_whole { size(2) } else { size(1) },
                scale: 1.0,
            })
            .build();
        let png = self.page.screenshot(what).await?;
        std::fs::write(file, png).with_context(|| format!("cannot write {}", file.display()))
    }

    pub(crate) async fn close(self) -> anyhow::Result<()> {
        Ok(self.page.close().await?)
    }
}

/// Remembers what events say, as long as there are any.
fn note<E: Send + Sync + 'static>(
    list: &Arc<Mutex<Vec<String>>>,
    mut events: impl Stream<Item = Arc<E>> + Send + Unpin + 'static,
    read: fn(&E) -> Option<String>,
) {
    let list = Arc::clone(list);
    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            if let Some(text) = read(&event) {
                list.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(text);
            }
        }
    });
}
