//! The OpenAPI document, which grows with the routes.

use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::routing::{MethodRouter, get};
use schemars::JsonSchema;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value, json};

use crate::error::ErrorBody;
use crate::sources::App;

/// Where the document is.
const PATH: &str = "/api/v1/openapi.json";

/// A parameter of a route.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameter {
    name: &'static str,
    place: &'static str,
    kind: &'static str,
    is_needed: bool,
    text: &'static str,
}

impl Parameter {
    pub(super) const fn path(name: &'static str, text: &'static str) -> Self {
        Self::new(name, "path", "string", true, text)
    }

    pub(super) const fn text(name: &'static str, text: &'static str) -> Self {
        Self::new(name, "query", "string", false, text)
    }

    pub(super) const fn needed(name: &'static str, text: &'static str) -> Self {
        Self::new(name, "query", "string", true, text)
    }

    pub(super) const fn number(name: &'static str, text: &'static str) -> Self {
        Self::new(name, "query", "integer", false, text)
    }

    const fn new(
        name: &'static str,
        place: &'static str,
        kind: &'static str,
        is_needed: bool,
        text: &'static str,
    ) -> Self {
        Self {
            name,
            place,
            kind,
            is_needed,
            text,
        }
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "in": self.place,
            "required": self.is_needed,
            "description": self.text,
            "schema": {"type": self.kind},
        })
    }
}

/// Routes with what is said of them.
pub(super) struct Document {
    router: Router<App>,
    schemas: SchemaGenerator,
    paths: Map<String, Value>,
}

impl Document {
    pub(super) fn new() -> Self {
        let settings = SchemaSettings::draft2020_12()
            .for_serialize()
            .with(|settings| {
                settings.definitions_path = "/components/schemas".into();
                settings.meta_schema = None;
            });
        Self {
            router: Router::new(),
            schemas: settings.into_generator(),
            paths: Map::new(),
        }
    }

    /// A route that answers with JSON.
    pub(super) fn route<T: JsonSchema>(
        self,
        path: &str,
        summary: &str,
        parameters: &[Parameter],
        handler: MethodRouter<App>,
    ) -> Self {
        self.add::<T>(path, summary, parameters, handler, "application/json")
    }

    /// A route that goes on answering.
    pub(super) fn stream<T: JsonSchema>(
        self,
        path: &str,
        summary: &str,
        parameters: &[Parameter],
        handler: MethodRouter<App>,
    ) -> Self {
        self.add::<T>(path, summary, parameters, handler, "text/event-stream")
    }

    fn add<T: JsonSchema>(
        mut self,
        path: &str,
        summary: &str,
        parameters: &[Parameter],
        handler: MethodRouter<App>,
        kind: &str,
    ) -> Self {
        let schema = self.schemas.subschema_for::<T>();
        let error = self.schemas.subschema_for::<ErrorBody>();
        let refusal = |text: &str| {
            json!({
                "description": text,
                "content": {"application/json": {"schema": error}},
            })
        };
        let parameters: Vec<Value> = parameters.iter().map(Parameter::json).collect();
        let operation = json!({
            "operationId": id(path),
            "summary": summary,
            "parameters": parameters,
            "responses": {
                "200": {"description": summary, "content": {kind: {"schema": schema}}},
                "400": refusal("The request cannot be read"),
                "401": refusal("A token is needed"),
                "403": refusal("Only the proxy may ask"),
                "404": refusal("There is no such thing"),
                "429": refusal("Too many requests; `Retry-After` says how long to wait"),
                "503": refusal("The database or NATS is away"),
            },
        });
        self.paths
            .insert(path.to_owned(), json!({"get": operation}));
        self.router = self.router.route(path, handler);
        self
    }

    /// The routes, with one more for the document.
    pub(super) fn finish(mut self) -> Router<App> {
        let document = json!({
            "openapi": "3.1.0",
            "info": {
                "title": "Kryten",
                "description": "What the page shows, as JSON. Everything is read-only. Names and titles are what people wrote: escape them before they become HTML.",
                "version": env!("CARGO_PKG_VERSION"),
                "license": {"name": "MIT", "identifier": "MIT"},
            },
            "paths": self.paths,
            "components": {
                "schemas": self.schemas.take_definitions(true),
                "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            },
            // Without a token it is open.
            "security": [{}, {"token": []}],
        });
        // A handler is copied for each request.
        let text = Bytes::from(document.to_string());
        let answer = async move || ([(CONTENT_TYPE, "application/json")], text.clone());
        self.router.route(PATH, get(answer))
    }
}

/// A name for a path: `channelsLive` for `/api/v1/channels/{channel}/live`.
fn id(path: &str) -> String {
    let mut id = String::from("get");
    for part in path.trim_start_matches("/api/v1/").split('/') {
        let part = part.trim_start_matches('{').trim_end_matches('}');
        let mut letters = part.chars();
        id.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        id.push_str(letters.as_str());
    }
    id
}
