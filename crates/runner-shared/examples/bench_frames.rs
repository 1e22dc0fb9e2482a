//! The number of frames and messages per second that the protocol code processes.

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a bench prints its figures")]

use std::fs;

use runner_shared::{
    clock::now,
    fifo::{Command, FrameDecoder, MarkerType},
    walltime::as_float,
};

const FRAMES: u64 = 2_000_000;
/// The most bytes that one read from a FIFO returns.
const CHUNK: usize = 16 * 1024;

fn main() {
    let markers =
        (0..1000).map(|at| Command::AddMarker { pid: 4242, marker: MarkerType::RoundStart(at) });
    let stream: Vec<u8> = markers.flat_map(|marker| marker.encode()).collect();

    let start = now();
    let mut decoder = FrameDecoder::default();
    let (mut frames, mut messages) = (0_u64, 0_u64);
    while frames < FRAMES {
        for chunk in stream.chunks(CHUNK) {
            decoder.push(chunk);
            while let Ok(Some(payload)) = decoder.next_frame() {
                frames += 1;
                messages += u64::from(Command::decode(payload).is_ok());
            }
        }
    }
    let seconds = as_float(now().since(start)) / 1e9;
    assert_eq!(messages, frames, "every frame is a message");
    println!(
        "frames decoded\t{:.1}\tM/s\twith their messages, one thread",
        as_float(frames) / seconds / 1e6
    );
    let peak = peak_kilobytes().map_or_else(|| "-".to_owned(), |peak| format!("{:.1}", peak / 1e3));
    println!("frames peak memory\t{peak}\tMB\tafter {frames} frames, none of which is kept");
}

/// The most memory that the process had so far, as Linux counts it.
fn peak_kilobytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
