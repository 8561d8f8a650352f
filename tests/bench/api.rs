//! The bare API: the cost of a job with the fewest requests over one connection, by hyper.

use std::io::Write;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;

/// The same as in cube, so that the two do not differ in how they read.
const READ: usize = 64 << 10;

/// Does one job: `start IMAGE NAME ARG…`, `life IMAGE NAME`, `stop NAME…`, `attach IMAGE ARG…`,
/// `logs NAME FOLLOW`, `ps ALL`.
pub fn serve(words: &[String]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    runtime.block_on(async {
        match words[..] {
            ["start", image, name, ref args @ ..] => start(&mut Api::new().await, image, name, args).await,
            ["life", image, name] => {
                let mut api = Api::new().await;
                start(&mut api, image, name, &[]).await;
                stop(api, name).await;
            }
            ["stop", ref names @ ..] => stop_all(names).await,
            ["attach", image, ref args @ ..] => attach(image, args).await,
            ["logs", name, follow] => {
                let path = format!("/containers/{name}/logs?stdout=1&stderr=1&follow={follow}");
                copy(Api::new().await.send(Method::GET, &path, None).await).await;
            }
            ["ps", all] => {
                let path =
                    format!("/containers/json?all={all}&filters=%7B%22label%22:%5B%22cube.task.id%22%5D%7D");
                Api::new().await.json(Method::GET, &path, None).await;
            }
            _ => panic!("not known: {words:?}"),
        }
    });
    // Nothing waits for the connection.
    std::process::exit(0);
}

struct Api(SendRequest<Full<Bytes>>);

impl Api {
    async fn new() -> Self {
        let host = std::env::var("DOCKER_HOST").unwrap();
        let stream = UnixStream::connect(host.trim_start_matches("unix://")).await.unwrap();
        let (sender, connection) =
            http1::Builder::new().max_buf_size(READ).handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection.with_upgrades());
        Self(sender)
    }

    async fn send(&mut self, method: Method, path: &str, body: Option<&Value>) -> Response<Incoming> {
        let mut request = Request::builder().method(method).uri(path).header("host", "docker");
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        if path.contains("/attach") {
            request = request.header("connection", "Upgrade").header("upgrade", "tcp");
        }
        let body = Full::from(body.map(ToString::to_string).unwrap_or_default());
        self.0.ready().await.unwrap();
        let response = self.0.send_request(request.body(body).unwrap()).await.unwrap();
        assert!(response.status().as_u16() < 400, "{path}: {}", response.status());
        response
    }

    async fn json(&mut self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let response = self.send(method, path, body).await;
        serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap_or_default()
    }
}

async fn create(api: &mut Api, image: &str, name: Option<&str>, args: &[&str]) -> String {
    let query = name.map(|name| format!("?name={name}")).unwrap_or_default();
    let body = json!({"Image": image, "Cmd": if args.is_empty() { None } else { Some(args) },
        "Labels": {"cube-bench": "1"}, "HostConfig": {"PublishAllPorts": true}});
    let created = api.json(Method::POST, &format!("/containers/create{query}"), Some(&body)).await;
    created["Id"].as_str().unwrap().to_owned()
}

async fn start(api: &mut Api, image: &str, name: &str, args: &[&str]) {
    let id = create(api, image, Some(name), args).await;
    api.json(Method::POST, &format!("/containers/{id}/start"), None).await;
}

async fn stop(mut api: Api, name: &str) {
    api.json(Method::POST, &format!("/containers/{name}/stop?t=0"), None).await;
    api.json(Method::DELETE, &format!("/containers/{name}?v=1"), None).await;
}

async fn stop_all(names: &[&str]) {
    let stopping = names.iter().map(|name| async { stop(Api::new().await, name).await });
    futures_util::future::join_all(stopping).await;
}

async fn attach(image: &str, args: &[&str]) {
    let mut api = Api::new().await;
    let id = create(&mut api, image, None, args).await;
    let path = format!("/containers/{id}/attach?stream=1&stdout=1&stderr=1");
    let mut streams =
        TokioIo::new(hyper::upgrade::on(api.send(Method::POST, &path, None).await).await.unwrap());
    let mut api = Api::new().await;
    api.json(Method::POST, &format!("/containers/{id}/start"), None).await;
    let (mut buffer, mut out) = (vec![0; READ], std::io::stdout());
    loop {
        let read = streams.read(&mut buffer).await.unwrap();
        if read == 0 {
            break;
        }
        out.write_all(&buffer[..read]).unwrap();
    }
    api.json(Method::POST, &format!("/containers/{id}/wait"), None).await;
    api.json(Method::DELETE, &format!("/containers/{id}?v=1"), None).await;
}

async fn copy(response: Response<Incoming>) {
    let (mut body, mut out) = (response.into_body(), std::io::stdout());
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.unwrap().into_data() {
            out.write_all(&data).unwrap();
        }
    }
}
