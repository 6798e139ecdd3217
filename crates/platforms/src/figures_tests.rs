use omniva_contracts::engine::ScheduleId;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn posts() -> Vec<PostRef> {
    let post = |n: u128| PostRef {
        schedule_id: ScheduleId(Uuid::from_u128(n)),
        post_id: format!("v{n}"),
        published_at: Moment::parse("2026-11-01T00:00:00Z").unwrap(),
    };
    vec![post(1), post(2)]
}

fn read(text: &str) -> Result<Imported, Fault> {
    import_figures(text.as_bytes(), "youtube/main", &posts())
}

#[test]
fn a_file_is_read_in_any_order_of_its_columns() {
    let text = "\u{feff}views,measured_at,post_id,shares,average_view_percentage,engaged_views\r\n\
        1200,2026-11-04T00:00:00Z,v1,,87.5,900\r\n\
        \" 7 \",2026-11-05T01:00:00+01:00,v2,3,,\r\n\
        1,2026-11-05T00:00:00Z,somebody's,,,\r\n";
    let imported = read(text).unwrap();
    assert_eq!((imported.samples.len(), imported.strangers), (2, 1));
    let (one, two) = (&imported.samples[0], &imported.samples[1]);
    assert_eq!((one.views, one.engaged_views, one.shares), (1_200, Some(900), None));
    assert_eq!((one.average_view_percentage, one.source.as_str()), (Some(87.5), "csv"));
    assert_eq!((two.views, two.shares, two.channel.as_str()), (7, Some(3), "youtube/main"));
    assert_eq!(two.measured_at, Moment::parse("2026-11-05T00:00:00Z").unwrap());
}

#[test]
fn what_is_wrong_is_named_by_line_and_nothing_is_taken() {
    let text = "post_id,measured_at,views,likes\n\
        v1,2026-11-04T00:00:00Z,10,1\n\
        v1,yesterday,10,1\n\
        v2,2026-11-04T00:00:00Z,-5,1\n\
        v2,2026-11-04T00:00:00Z,5\n\
        v2,2026-11-04T00:00:00Z,5,many\n\
        ,2026-11-04T00:00:00Z,5,1\n\
        v1,2026-11-04T00:00:00Z,11,1\n\
        v1,2026-10-04T00:00:00Z,11,1\n";
    let fault = read(text).unwrap_err();
    assert_eq!(fault.code, Code::InputCorrupt);
    for part in [
        "line 3: measured_at: \"yesterday\"",
        "line 4: views: \"-5\"",
        "line 5: 3 cells, the header has 4",
        "line 6: likes: \"many\"",
        "line 7: post_id: empty",
        "line 8: the same post",
        "line 9: figures of the post \"v1\": measured at",
    ] {
        assert!(fault.message.contains(part), "{part}: {fault}");
    }
}

#[test]
fn columns_are_strict() {
    for (header, part) in [
        ("post_id,views", "no column measured_at"),
        ("post_id,measured_at,views,Likes", "no column is called \"Likes\""),
        ("post_id,measured_at,views,views", "the column views stands there twice"),
    ] {
        let fault = read(&format!("{header}\n")).unwrap_err();
        assert!(fault.code == Code::InputCorrupt && fault.message.contains(part), "{fault}");
    }
    assert_eq!(read(" \n").unwrap_err().code, Code::InputEmpty);
    assert_eq!(read("post_id,measured_at,views\n").unwrap(), Imported::default());
}

#[test]
fn there_is_a_limit_of_bytes_and_of_rows() {
    let large = std::io::repeat(b'a').take(MAX_BYTES + 1);
    assert_eq!(import_figures(large, "youtube/main", &[]).unwrap_err().code, Code::TooLarge);
    let mut rows = String::from("post_id,measured_at,views\n");
    for n in 0..=MAX_ROWS {
        rows.push_str(&format!("x{n},2026-11-04T00:00:00Z,1\n"));
    }
    assert_eq!(read(&rows).unwrap_err().code, Code::TooLarge);
    let broken = "post_id,measured_at,views\n".to_owned() + &"v1,x,1\n".repeat(5_000);
    assert!(read(&broken).unwrap_err().message.len() < 2_000);
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = import_figures(&bytes[..], "youtube/main", &posts());
        let mut headed = b"post_id,measured_at,views\n".to_vec();
        headed.extend(&bytes);
        if let Ok(imported) = import_figures(&headed[..], "youtube/main", &posts()) {
            prop_assert!(imported.samples.iter().all(|s| s.check().is_ok()));
        }
    }
}
