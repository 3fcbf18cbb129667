use super::{Medium, PIXELS_PER_MODULE_MAX, QUIET_ZONE, Qr};

fn side(digits: usize, medium: Medium) -> usize {
    Qr::new(&"8".repeat(digits), medium).unwrap().side()
}

#[test]
fn digits_take_the_smallest_version_of_numeric_mode() {
    // Capacities of ISO/IEC 18004, table 7.
    for (digits, medium, expected) in [
        (20, Medium::Screen, 21),
        (41, Medium::Screen, 21),
        (42, Medium::Screen, 25),
        (321, Medium::Screen, 41),
        (322, Medium::Screen, 41),
        (323, Medium::Screen, 45),
        (437, Medium::Screen, 49),
        (461, Medium::Screen, 49),
        (462, Medium::Screen, 53),
        (321, Medium::Print, 49),
        (437, Medium::Print, 57),
        (7_089, Medium::Screen, 177),
        (5_596, Medium::Print, 177),
    ] {
        assert_eq!(side(digits, medium), expected, "{digits} digits, {medium:?}");
    }
}

#[test]
fn a_text_that_fits_no_version_is_refused() {
    for (length, medium) in [(7_090, Medium::Screen), (5_597, Medium::Print)] {
        let error = Qr::new(&"1".repeat(length), medium).unwrap_err();
        assert_eq!(error.code(), "qr_too_long");
    }
    assert_eq!(Qr::new(&"é".repeat(1_477), Medium::Screen).unwrap_err().code(), "qr_too_long");
}

#[test]
fn every_symbol_starts_with_a_finder_pattern_inside_a_light_frame() {
    let qr = Qr::new("anything", Medium::Screen).unwrap();
    let top: Vec<bool> = (0..8).map(|x| qr.is_dark(x, 0)).collect();
    assert_eq!(top, [true, true, true, true, true, true, true, false]);
    assert!(!qr.is_dark(qr.side(), 0) && !qr.is_dark(0, qr.side()));
    assert!(!qr.is_dark(usize::MAX, 0) && !qr.is_dark(0, usize::MAX));
}

#[test]
fn the_svg_fills_exactly_the_dark_modules() {
    let qr = Qr::new(&"3".repeat(321), Medium::Screen).unwrap();
    let svg = qr.to_svg();
    assert_eq!(svg.matches("<path").count(), 1);
    assert!(svg.contains("shape-rendering=\"crispEdges\"") && svg.contains("fill=\"#fff\""));
    let path = svg.split("d=\"").nth(1).unwrap().split('"').next().unwrap();
    let mut drawn = vec![false; 49 * 49];
    for run in path.split('M').skip(1) {
        let (corner, length) = run.split_once('h').unwrap();
        let (x, y) = corner.split_once(' ').unwrap();
        let (x, y): (usize, usize) = (x.parse().unwrap(), y.parse().unwrap());
        let length: usize = length.split('v').next().unwrap().parse().unwrap();
        assert_eq!(run, format!("{x} {y}h{length}v1h-{length}z"));
        drawn[y * 49 + x..][..length].fill(true);
    }
    for (index, dark) in drawn.into_iter().enumerate() {
        assert_eq!(dark, qr.is_drawn_dark(index % 49, index / 49));
    }
}

#[test]
fn the_png_holds_each_module_as_a_square_and_a_light_frame() {
    let qr = Qr::new(&"3".repeat(321), Medium::Screen).unwrap();
    for scale in [1_u8, 3, 4, 8, 64] {
        let picture = qr.to_png(scale).unwrap();
        let scale = usize::from(scale);
        let mut decoder = png::Decoder::new(std::io::Cursor::new(&picture));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().unwrap();
        let side = (41 + 2 * QUIET_ZONE) * scale;
        assert_eq!(reader.info().size(), (side.try_into().unwrap(), side.try_into().unwrap()));
        let mut grey = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut grey).unwrap();
        assert_eq!(grey.len(), side * side);
        for (index, value) in grey.into_iter().enumerate() {
            let dark = qr.is_drawn_dark(index % side / scale, index / side / scale);
            assert_eq!(value, if dark { 0 } else { 255 });
        }
    }
}

#[test]
fn a_png_scale_out_of_range_is_refused() {
    let qr = Qr::new("1", Medium::Screen).unwrap();
    for scale in [0, PIXELS_PER_MODULE_MAX + 1, u8::MAX] {
        assert_eq!(qr.to_png(scale).unwrap_err().code(), "qr_scale_out_of_range");
    }
}

#[test]
fn terminal_rows_pair_the_modules_and_reset_their_colours() {
    let qr = Qr::new("12345", Medium::Screen).unwrap();
    let rows = qr.half_block_rows();
    assert_eq!(rows.len(), 15);
    for (y, row) in rows.iter().enumerate() {
        assert_eq!(row.len(), 29);
        for (x, cell) in row.iter().enumerate() {
            assert_eq!(cell.upper_dark, qr.is_drawn_dark(x, 2 * y));
            assert_eq!(cell.lower_dark, qr.is_drawn_dark(x, 2 * y + 1));
        }
    }
    let text = qr.to_terminal();
    let top_of_finder = text.lines().nth(2).unwrap();
    assert!(top_of_finder.starts_with("\x1b[38;5;16;48;5;231m    █▀▀▀▀▀█ "), "{top_of_finder:?}");
    assert!(text.lines().all(|line| line.ends_with("\x1b[0m")));
}

#[test]
fn the_same_text_always_gives_the_same_symbol() {
    let draw = || Qr::new("00020101021226", Medium::Print).unwrap();
    assert_eq!(draw(), draw());
    assert_ne!(draw(), Qr::new("00020101021227", Medium::Print).unwrap());
}
