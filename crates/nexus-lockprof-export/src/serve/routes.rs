//! What is where.

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::{Method, Request, StatusCode};
use nexus_lockprof_snapshot::Snapshot;

use super::drive::Wants;
use super::origin::{self, Road};
use super::reply::{Refusal, Reply, content, no_content};
use super::settings::Change;
use super::{Limits, Source, query};

/// What answers the requests of one connection.
pub(super) struct Routes<'a> {
    pub(super) source: &'a dyn Source,
    pub(super) limits: &'a Limits,
    pub(super) road: Road,
    pub(super) wants: &'a Wants,
}

impl Routes<'_> {
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Reply {
        self.wants.allow(self.limits.body);
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
            "/snapshot" => Err(Refusal::method("GET, HEAD")),
            "/config" if get => Ok(self.settings()),
            "/config" if post => self.configure(request).await,
            "/config" => Err(Refusal::method("GET, HEAD, POST")),
            "/reset" if post => {
                self.source.reset();
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
        let most = self.limits.delta;
        let time = query::seconds(request.uri().query(), most)
            .map_err(|message| Refusal::new(StatusCode::BAD_REQUEST, message))?;
        // Only its headers are asked for with HEAD: nobody is to wait for them.
        let time = time.filter(|_| *request.method() == Method::GET);
        let Some(time) = time else {
            return Ok(self.source.snapshot());
        };
        let earlier = self.source.snapshot();
        self.wants.allow(time.saturating_add(self.limits.answer));
        self.wants.sleep(time).await;
        self.source
            .snapshot()
            .since(&earlier)
            .map_err(|error| Refusal::new(StatusCode::CONFLICT, error.to_string()))
    }

    fn settings(&self) -> Reply {
        content("application/json", self.source.settings().to_string())
    }

    async fn configure(&self, request: Request<Incoming>) -> Result<Reply, Refusal> {
        let bad = |message| Refusal::new(StatusCode::BAD_REQUEST, message);
        let form = self.body(request).await?;
        let settings = Change::parse(&form)
            .and_then(|change| change.apply(self.source.settings()))
            .map_err(|error| bad(error.to_string()))?;
        self.source.configure(&settings).map_err(bad)?;
        Ok(self.settings())
    }

    async fn body(&self, request: Request<Incoming>) -> Result<Vec<u8>, Refusal> {
        let most = self.limits.body_bytes;
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
