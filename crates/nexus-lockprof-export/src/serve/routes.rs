//! What is where.

use std::sync::{Mutex, PoisonError};

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::{Method, Request, StatusCode};
use nexus_lockprof_snapshot::Snapshot;

use super::drive::Wants;
use super::origin::{self, Road};
use super::reply::{Refusal, Reply, content, no_content};
use super::settings::Change;
use super::{Limits, Source, query};
use crate::pprof;
use crate::prometheus::{self, Scrapes};

/// What all connections of a server share.
pub(super) struct Served<'a> {
    pub(super) source: &'a dyn Source,
    pub(super) limits: &'a Limits,
    /// Which points have series of their own.
    pub(super) scrapes: &'a Mutex<Scrapes>,
}

/// What answers the requests of one connection.
pub(super) struct Routes<'a> {
    pub(super) served: &'a Served<'a>,
    pub(super) road: Road,
    pub(super) wants: &'a Wants,
}

impl Routes<'_> {
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Reply {
        self.wants.allow(self.served.limits.body);
        let found = self.find(request).await;
        found.unwrap_or_else(Reply::from)
    }

    async fn find(&self, request: Request<Incoming>) -> Result<Reply, Refusal> {
        let (method, uri) = (request.method(), request.uri());
        origin::check(self.road, request.version(), method, uri, request.headers())
            .map_err(Refusal::and_close)?;
        let get = matches!(*method, Method::GET | Method::HEAD);
        let post = *method == Method::POST;
        match uri.path() {
            "/snapshot" if get => json(&self.taken(&request).await?),
            "/metrics" if get => Ok(self.metrics(&request)),
            "/debug/pprof/mutex" if get => self.profile(&request, pprof::mutex).await,
            "/debug/pprof/block" if get => self.profile(&request, pprof::block).await,
            "/snapshot" | "/metrics" | "/debug/pprof/mutex" | "/debug/pprof/block" => {
                Err(Refusal::method("GET, HEAD"))
            }
            "/config" if get => Ok(self.settings()),
            "/config" if post => self.configure(request).await,
            "/config" => Err(Refusal::method("GET, HEAD, POST")),
            "/reset" if post => {
                self.served.source.reset();
                Ok(no_content())
            }
            "/reset" => Err(Refusal::method("POST")),
            path => Err(Refusal::new(
                StatusCode::NOT_FOUND,
                format!("there is no {path:?} here"),
            )),
        }
    }

    /// The snapshot that is asked for: of everything, or with `?seconds=N` of the next so many seconds.
    async fn taken(&self, request: &Request<Incoming>) -> Result<Snapshot, Refusal> {
        let most = self.served.limits.delta;
        let time = query::seconds(request.uri().query(), most)
            .map_err(|message| Refusal::new(StatusCode::BAD_REQUEST, message))?;
        // Only its headers are asked for with HEAD: nobody is to wait for them.
        let time = time.filter(|_| *request.method() == Method::GET);
        let Some(time) = time else {
            return Ok(self.served.source.snapshot());
        };
        let earlier = self.served.source.snapshot();
        self.wants
            .allow(time.saturating_add(self.served.limits.answer));
        self.wants.sleep(time).await;
        self.served
            .source
            .snapshot()
            .since(&earlier)
            .map_err(|error| Refusal::new(StatusCode::CONFLICT, error.to_string()))
    }

    fn metrics(&self, request: &Request<Incoming>) -> Reply {
        let snapshot = self.served.source.snapshot();
        let open = query::accepts(request.headers(), "application/openmetrics-text");
        let media_type = if open {
            prometheus::OPEN_METRICS_CONTENT_TYPE
        } else {
            prometheus::CONTENT_TYPE
        };
        // std's lock; a panic in it leaves a set of points.
        let mut scrapes = self
            .served
            .scrapes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let text = scrapes.text(&snapshot).open_metrics(open).to_string();
        content(media_type, text)
    }

    async fn profile(
        &self,
        request: &Request<Incoming>,
        encode: impl Fn(&Snapshot) -> Vec<u8>,
    ) -> Result<Reply, Refusal> {
        let snapshot = self.taken(request).await?;
        Ok(content("application/octet-stream", encode(&snapshot)))
    }

    fn settings(&self) -> Reply {
        content(
            "application/json",
            self.served.source.settings().to_string(),
        )
    }

    async fn configure(&self, request: Request<Incoming>) -> Result<Reply, Refusal> {
        let bad = |message| Refusal::new(StatusCode::BAD_REQUEST, message);
        let form = self.body(request).await?;
        let settings = Change::parse(&form)
            .and_then(|change| change.apply(self.served.source.settings()))
            .map_err(|error| bad(error.to_string()))?;
        self.served.source.configure(&settings).map_err(bad)?;
        Ok(self.settings())
    }

    async fn body(&self, request: Request<Incoming>) -> Result<Vec<u8>, Refusal> {
        let most = self.served.limits.body_bytes;
        let too_large = || {
            let message = format!("the body is larger than {most} bytes");
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, message).and_close()
        };
        if request.body().size_hint().lower() > most as u64 {
            return Err(too_large());
        }
        match Limited::new(request.into_body(), most).collect().await {
            Ok(body) => Ok(body.to_bytes().into()),
            Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
            Err(error) => {
                let message = format!("the body cannot be read: {error}");
                Err(Refusal::new(StatusCode::BAD_REQUEST, message).and_close())
            }
        }
    }
}

fn json(snapshot: &Snapshot) -> Result<Reply, Refusal> {
    let text = snapshot.to_json().map_err(broken)?;
    Ok(content("application/json", text))
}

/// What went wrong here.
fn broken(error: impl std::fmt::Display) -> Refusal {
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}
