//! The file of `kryten up --config`: the robot's keys, and the section `web` of the page.

use std::path::Path;

use kryten_client::config::{self, ConfigError};
use kryten_robot::RobotConfig;
use kryten_web::WebFile;
use serde_json::Value;

/// The JSON Schema of the file.
pub(crate) fn schema() -> Value {
    let mut schema = kryten_robot::config::schema();
    schema["title"] = "The configuration of kryten up".into();
    schema["description"] =
        "The robot's configuration, whose section `nats` counts only with --nats, and the page's."
            .into();
    let mut web = config::schema::<WebFile>();
    if let Some(fields) = web.as_object_mut() {
        fields.retain(|name, _| !["$schema", "title"].contains(&name.as_str()));
    }
    web["description"] =
        "The page: who may see it, and from where. Options of `kryten up` that begin with --web count before it.".into();
    schema["properties"]["web"] = web;
    schema
}

/// The section of the page; nothing where there is none.
pub(crate) fn web(whole: &Value) -> Result<WebFile, ConfigError> {
    match whole.get("web") {
        None | Some(Value::Null) => Ok(WebFile::default()),
        Some(section) => config::read(section.clone()).map_err(|error| error.within("web")),
    }
}

/// What keeps the page from being served, in a sentence.
pub(crate) fn web_problem(whole: &Value) -> Option<String> {
    let file = match web(whole) {
        Ok(file) => file,
        Err(error) => return Some(error.to_string()),
    };
    let token = match super::web::token_without_option(&file) {
        Ok(token) => token,
        Err(error) => return Some(format!("{error:#}; see web.token_file")),
    };
    let problem = file.settings(token).check().err();
    problem.map(|problem| format!("web: {problem}"))
}

/// Reads both.
pub(super) fn load(path: &Path) -> anyhow::Result<(RobotConfig, WebFile)> {
    let whole = config::load(path)?;
    let robot = kryten_robot::config::loaded(&whole, path, &schema())?;
    Ok((robot, web(&whole)?))
}
