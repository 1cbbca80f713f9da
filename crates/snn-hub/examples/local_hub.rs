//! The Hub of this crate's tests, on a port, for other clients: `cargo run -p snn-hub --example local_hub -- 8000`.

#![expect(clippy::print_stdout, reason = "it says where it is")]

#[path = "../tests/main/hub/mod.rs"]
#[expect(dead_code, reason = "the tests look inside and make it fail")]
mod hub;

fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(0);
    let hub = hub::Hub::start(port)?;
    println!("HF_ENDPOINT={} HF_TOKEN={}", hub.url(), hub::TOKEN);
    loop {
        std::thread::park();
    }
}
