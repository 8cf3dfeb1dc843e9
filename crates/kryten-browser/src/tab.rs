//! A tab that remembers what went wrong in it and what it asked for.

use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use base64::Engine;
use serde_json::{Value, json};

use crate::devtools::{Devtools, Told};

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
    devtools: Arc<Devtools>,
    target: String,
    session: String,
    told: Told,
}

impl Tab {
    pub(crate) async fn new(devtools: Arc<Devtools>) -> anyhow::Result<Self> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let made = devtools
            .ask(None, "Target.createTarget", json!({"url": "about:blank"}))
            .await?;
        let target = text(&made["targetId"]);
        let attach = json!({"targetId": target, "flatten": true});
        let attached = devtools.ask(None, "Target.attachToTarget", attach).await?;
        let session = text(&attached["sessionId"]);
        let tab = Self {
            told: devtools.listen(&session),
            devtools,
            target,
            session,
        };
        for domain in ["Page", "Runtime", "Log", "Network"] {
            tab.ask(&format!("{domain}.enable"), json!({})).await?;
        }
        tab.look(Look::Light).await?;
        Ok(tab)
    }

    async fn ask(&self, method: &str, parameters: Value) -> anyhow::Result<Value> {
        self.devtools
            .ask(Some(&self.session), method, parameters)
            .await
    }

    /// Sets width and colours.
    pub(crate) async fn look(&self, look: Look) -> anyhow::Result<()> {
        let is_phone = look == Look::Phone;
        let (width, height, scale) = if is_phone {
            (390, 844, 2)
        } else {
            (1200, 900, 1)
        };
        let size = json!({"width": width, "height": height, "deviceScaleFactor": scale, "mobile": is_phone});
        self.ask("Emulation.setDeviceMetricsOverride", size).await?;
        let scheme = if look == Look::Dark { "dark" } else { "light" };
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.ask("Emulation.setEmulatedMedia", media).await?;
        Ok(())
    }

    pub(crate) async fn without_scripts(&self) -> anyhow::Result<()> {
        let off = json!({"value": true});
        self.ask("Emulation.setScriptExecutionDisabled", off)
            .await?;
        Ok(())
    }

    /// Lets a checker in, which the page's own policy would refuse.
    pub(crate) async fn without_policy(&self) -> anyhow::Result<()> {
        self.ask("Page.setBypassCSP", json!({"enabled": true}))
            .await?;
        Ok(())
    }

    /// Opens an address and waits until it is there.
    pub(crate) async fn open(&self, url: &str) -> anyhow::Result<()> {
        let opened = self.ask("Page.navigate", json!({"url": url})).await?;
        if let Some(why) = opened["errorText"].as_str() {
            bail!("cannot open {url}: {why}");
        }
        self.until(
            &format!("{url} is loaded"),
            "document.readyState === 'complete' && location.href !== 'about:blank'",
        )
        .await
    }

    /// What an expression of JavaScript is.
    pub(crate) async fn value(&self, expression: &str) -> anyhow::Result<Value> {
        let evaluate =
            json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let evaluated = self.ask("Runtime.evaluate", evaluate).await?;
        if let Some(thrown) = evaluated.get("exceptionDetails") {
            let why = &thrown["exception"]["description"];
            bail!(
                "{expression:.200} is no value: {}",
                why.as_str().unwrap_or("it throws")
            );
        }
        Ok(evaluated["result"]["value"].clone())
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
        for kind in ["rawKeyDown", "keyUp"] {
            let key =
                json!({"type": kind, "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9});
            self.ask("Input.dispatchKeyEvent", key).await?;
        }
        Ok(())
    }

    /// Nothing was complained of, and nothing foreign asked for. The status of a page that is to be missing is no
    /// complaint of the page's.
    pub(crate) fn is_clean(&self, base: &str) -> anyhow::Result<()> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let mut requests = 0;
        for (event, what) in told.iter() {
            match event.as_str() {
                "Log.entryAdded" => {
                    let entry = &what["entry"];
                    let is_missing = entry["source"] == "network"
                        && entry["text"]
                            .as_str()
                            .is_some_and(|text| text.contains("status of 404"));
                    ensure!(is_missing, "the console says {entry}");
                }
                "Runtime.exceptionThrown"
                | "Runtime.consoleAPICalled"
                | "Page.javascriptDialogOpening" => {
                    bail!("{event}: {what}");
                }
                "Network.requestWillBeSent" => {
                    requests += 1;
                    let url = what["request"]["url"].as_str().unwrap_or_default();
                    ensure!(
                        url.starts_with(base),
                        "something foreign was asked for: {url}"
                    );
                }
                _ => {}
            }
        }
        ensure!(requests > 0, "no request was seen");
        Ok(())
    }

    /// Saves a picture of the page: its beginning, or all of it.
    pub(crate) async fn picture(&self, file: &Path, is_whole: bool) -> anyhow::Result<()> {
        // A live page that grows while it is taken would be cut off.
        let still = |still: bool| json!({"value": still});
        self.ask("Emulation.setScriptExecutionDisabled", still(true))
            .await?;
        let size = self.ask("Page.getLayoutMetrics", json!({})).await?;
        let (seen, all) = (&size["cssLayoutViewport"], &size["cssContentSize"]);
        let height = match is_whole {
            true => &all["height"],
            false => &seen["clientHeight"],
        };
        let what = json!({
            "captureBeyondViewport": is_whole,
            "clip": {"x": 0, "y": 0, "width": seen["clientWidth"], "height": height, "scale": 1},
        });
        self.save(what, file).await?;
        self.ask("Emulation.setScriptExecutionDisabled", still(false))
            .await?;
        Ok(())
    }

    async fn save(&self, what: Value, file: &Path) -> anyhow::Result<()> {
        let taken = self.ask("Page.captureScreenshot", what).await?;
        let data = taken["data"]
            .as_str()
            .context("the browser gives no picture")?;
        let png = base64::engine::general_purpose::STANDARD.decode(data)?;
        std::fs::write(file, png).with_context(|| format!("cannot write {}", file.display()))
    }

    /// Saves a picture of the first element of a selector, twice as fine as a screen.
    pub(crate) async fn picture_of(&self, selector: &str, file: &Path) -> anyhow::Result<()> {
        let expression = format!(
            "(at => [at.left, at.top, at.width, at.height])(document.querySelector({}).getBoundingClientRect())",
            Value::from(selector)
        );
        let place = self.value(&expression).await?;
        let what = json!({
            "captureBeyondViewport": true,
            "clip": {"x": place[0], "y": place[1], "width": place[2], "height": place[3], "scale": 2},
        });
        self.save(what, file).await
    }

    pub(crate) async fn close(self) -> anyhow::Result<()> {
        let target = json!({"targetId": self.target});
        self.devtools
            .ask(None, "Target.closeTarget", target)
            .await?;
        Ok(())
    }
}
