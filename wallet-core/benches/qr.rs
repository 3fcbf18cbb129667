//! Drawing and reading an online payment code: `cargo bench -p wallet-core --features qr,scan`.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use wallet_core::qr::{Medium, Qr};
use wallet_core::scan::{Effort, read_luma, read_picture};

fn online_code() -> String {
    "1234567890".chars().cycle().take(321).collect()
}

/// The target is one millisecond for laying out and drawing together.
fn draw(criterion: &mut Criterion) {
    let text = online_code();
    let qr = Qr::new(&text, Medium::Screen).unwrap();
    let mut group = criterion.benchmark_group("draw");
    group.bench_function("lay out", |b| b.iter(|| Qr::new(black_box(&text), Medium::Screen)));
    group.bench_function("svg", |b| b.iter(|| black_box(&qr).to_svg()));
    group.bench_function("png, 8 pixels a module", |b| b.iter(|| black_box(&qr).to_png(8)));
    group.bench_function("terminal", |b| b.iter(|| black_box(&qr).to_terminal()));
    group.finish();
}

fn read(criterion: &mut Criterion) {
    let picture = Qr::new(&online_code(), Medium::Screen).unwrap().to_png(4).unwrap();
    let empty_frame = vec![128; 1280 * 720];
    let mut group = criterion.benchmark_group("read");
    group.bench_function("clean picture, 4 pixels a module", |b| {
        b.iter(|| read_picture(black_box(&picture)));
    });
    group.bench_function("empty camera frame, 1280 × 720", |b| {
        b.iter(|| read_luma(1280, black_box(&empty_frame), Effort::Quick));
    });
    group.finish();
}

criterion_group!(benches, draw, read);
criterion_main!(benches);
