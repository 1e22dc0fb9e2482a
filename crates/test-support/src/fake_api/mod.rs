//! A CodSpeed service on this machine, for tests: it remembers what it was asked, and answers by a script.
//!
//! ```no_run
//! use test_support::{Answer, FakeApi};
//!
//! let api = FakeApi::start();
//! api.on("PUT /storage", [Answer::text(503, "busy"), Answer::text(200, "")]);
//! api.on("Session", [Answer::json(r#"{"data": {"session": null}}"#)]);
//! // ... a program with `api.upload_url()` and `api.graphql_url()` ...
//! assert_eq!(api.requests().len(), 2);
//! ```

use std::{
    collections::{HashMap, VecDeque},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread::JoinHandle,
};

mod answer;
mod request;

pub use answer::{Answer, Gate};
pub use request::Request;

use answer::send;

/// The service. It ends when this is dropped, with everything that it holds back.
#[derive(Debug)]
pub struct FakeApi {
    address: SocketAddr,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    inner: Mutex<Inner>,
    /// Somebody asked something.
    asked: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    scripts: HashMap<String, VecDeque<Answer>>,
    requests: Vec<Request>,
    gates: Vec<Gate>,
    /// Those that are open, by number.
    connections: HashMap<usize, TcpStream>,
    is_over: bool,
}

impl FakeApi {
    /// Starts a service that accepts every upload: `POST /upload` names `/storage`, `PUT /storage` takes everything, and
    /// `GET /oidc` gives the token `oidc-token`. Whatever else is asked has the answer 404 until [`FakeApi::on`].
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let for_thread = Arc::clone(&state);
        let thread = std::thread::spawn(move || listen(&listener, &for_thread));
        let api = Self { address, state, thread: Some(thread) };
        api.on("POST /upload", [api.accepts("run-1")]);
        api.on("PUT /storage", [Answer::text(200, "")]);
        api.on("GET /oidc", [Answer::json(r#"{"value": "oidc-token"}"#)]);
        api
    }

    /// Returns what a `POST /upload` is answered with when the service calls the run `run_id`.
    pub fn accepts(&self, run_id: &str) -> Answer {
        let storage = self.url("/storage?signature=secret");
        Answer::json(&format!(
            r#"{{"status": "success", "uploadUrl": "{storage}", "runId": "{run_id}"}}"#
        ))
    }

    /// Says how a route is answered: the answers in their order, then the last one for ever. A route is a method and a
    /// path without its query (`PUT /storage`), or the name of a GraphQL operation (`FetchLocalRun`).
    pub fn on(&self, route: &str, answers: impl IntoIterator<Item = Answer>) -> &Self {
        let answers: VecDeque<Answer> = answers.into_iter().collect();
        let mut inner = self.state.lock();
        inner.gates.extend(answers.iter().filter_map(Answer::gate));
        inner.scripts.insert(route.to_owned(), answers);
        drop(inner);
        self
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns where metadata go.
    pub fn upload_url(&self) -> String {
        self.url("/upload")
    }

    /// Returns where GraphQL is spoken.
    pub fn graphql_url(&self) -> String {
        self.url("/graphql")
    }

    /// Returns where tokens are made, with a query as GitHub has one.
    pub fn oidc_url(&self) -> String {
        self.url("/oidc?api-version=2.0")
    }

    /// All that was asked so far, each request after it was read as a whole.
    pub fn requests(&self) -> Vec<Request> {
        self.state.lock().requests.clone()
    }

    /// The routes of all requests so far: a short way to say what happened.
    pub fn routes(&self) -> Vec<String> {
        self.state.lock().requests.iter().map(|request| request.route.clone()).collect()
    }

    /// Waits until so many requests have been read.
    pub fn wait_for(&self, count: usize) -> Vec<Request> {
        let inner = self.state.lock();
        let asked = &self.state.asked;
        let inner = asked.wait_while(inner, |inner| inner.requests.len() < count).unwrap();
        inner.requests.clone()
    }
}

impl Drop for FakeApi {
    fn drop(&mut self) {
        let mut inner = self.state.lock();
        inner.is_over = true;
        inner.gates.iter().for_each(Gate::open);
        for (_, connection) in inner.connections.drain() {
            // The client may have closed it already.
            drop(connection.shutdown(Shutdown::Both));
        }
        drop(inner);
        // The listening thread waits for a connection.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// Remembers a request, and says how it is answered.
    fn answer(&self, request: Request) -> Answer {
        let mut inner = self.lock();
        let answer = match inner.scripts.get_mut(&request.route) {
            Some(answers) if answers.len() > 1 => answers.pop_front(),
            Some(answers) => answers.front().cloned(),
            None => None,
        };
        let unknown = || Answer::text(404, &format!("nobody said what `{}` does", request.route));
        let answer = answer.unwrap_or_else(unknown);
        inner.requests.push(request);
        self.asked.notify_all();
        answer
    }
}

/// Takes connections, each in a thread of its own, for one request each.
fn listen(listener: &TcpListener, state: &Arc<State>) {
    let mut threads = Vec::new();
    for (number, connection) in listener.incoming().enumerate() {
        let Ok(connection) = connection else { continue };
        let mut inner = state.lock();
        if inner.is_over {
            break;
        }
        inner.connections.extend(connection.try_clone().map(|clone| (number, clone)));
        drop(inner);
        let state = Arc::clone(state);
        threads.push(std::thread::spawn(move || {
            // Clients may go away in the middle of everything.
            if let Ok(request) = Request::read(&connection) {
                drop(send(&connection, &state.answer(request)));
            }
            // Both go, or it would stay open.
            state.lock().connections.remove(&number);
        }));
    }
    for thread in threads {
        drop(thread.join());
    }
}
