#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;

const RECORD: &str = r#"{"key":"123","offset":4,"overflowFlag":false,"partition":0,"timestamp":1603779578478,"topic":"Test","value":"1","valueSize":1}"#;

fn decode(format: Format, body: &str) -> Result<Vec<DecodedRecord>, DecodeError> {
    Decoder::new(format, body.as_bytes()).collect()
}

/// What is wrong with a record in which `from` is replaced by `to`.
fn fault(from: &str, to: &str) -> Fault {
    assert!(RECORD.contains(from));
    let body = format!("{}\n", RECORD.replacen(from, to, 1));
    decode(Format::JsonLines, &body).unwrap_err().fault
}

fn contradiction(from: &str, to: &str) -> Contradiction {
    match fault(from, to) {
        Fault::Contradiction(contradiction) => contradiction,
        fault => panic!("{fault}"),
    }
}

fn json_error(from: &str, to: &str) -> String {
    match fault(from, to) {
        Fault::Json(error) => error.to_string(),
        fault => panic!("{fault}"),
    }
}

#[test]
fn the_documented_form_is_read() {
    let expected = DecodedRecord {
        headers: None,
        key: Some(b"123".to_vec()),
        offset: 4,
        overflow: false,
        partition: 0,
        timestamp: 1_603_779_578_478,
        topic: "Test".to_owned(),
        value: DecodedValue::Bytes(b"1".to_vec()),
        value_size: 1,
    };
    let records = decode(Format::JsonArray, &format!("[{RECORD}]")).unwrap();
    assert_eq!(records, std::slice::from_ref(&expected));
    let records = decode(Format::JsonLines, &format!("{RECORD}\n{RECORD}\n")).unwrap();
    assert_eq!(records, [expected.clone(), expected]);
}

#[test]
fn a_body_without_records_has_none() {
    assert_eq!(decode(Format::JsonArray, "[]").unwrap(), []);
    assert_eq!(decode(Format::JsonLines, "").unwrap(), []);
}

#[test]
fn an_unknown_field_is_an_error() {
    assert!(json_error(r#""key""#, r#""Key""#).contains("unknown field `Key`"));
    assert!(json_error("{", r#"{"headers":[{"key":"k","size":1}],"#).contains("`size`"));
}

#[test]
fn a_field_that_is_there_twice_is_an_error() {
    for field in [r#""key":"123","#, r#""offset":4,"#, r#""topic":"Test","#, r#""value":"1","#] {
        let error = json_error(field, &field.repeat(2));
        assert!(error.contains("duplicate field"), "{error}");
    }
    let error = json_error("{", r#"{"headers":[{"key":"k","key":"k"}],"#);
    assert!(error.contains("duplicate field"), "{error}");
}

#[test]
fn a_missing_field_is_an_error_unless_it_may_be_absent() {
    for field in [
        r#""offset":4,"#,
        r#""overflowFlag":false,"#,
        r#""partition":0,"#,
        r#""timestamp":1603779578478,"#,
        r#""topic":"Test","#,
        r#","valueSize":1"#,
    ] {
        let error = json_error(field, "");
        assert!(error.contains("missing field"), "{error}");
    }
    let body = format!("{}\n", RECORD.replace(r#""key":"123","#, ""));
    assert_eq!(decode(Format::JsonLines, &body).unwrap()[0].key, None);
}

#[test]
fn a_null_is_never_written_out() {
    for field in [r#""key":"123""#, r#""value":"1""#, r#""topic":"Test""#, r#""offset":4"#] {
        let (name, _) = field.split_once(':').unwrap();
        let error = json_error(field, &format!("{name}:null"));
        assert!(error.contains("null"), "{error}");
    }
}

#[test]
fn text_and_base64_exclude_each_other() {
    assert_eq!(
        contradiction(r#""offset""#, r#""keyBase64":"MTIz","offset""#),
        Contradiction::TextAndBase64("key")
    );
    assert_eq!(
        contradiction(r#""valueSize""#, r#""valueBase64":"MQ==","valueSize""#),
        Contradiction::TextAndBase64("value")
    );
    assert_eq!(
        contradiction("{", r#"{"headers":[{"key":"k","keyBase64":"aw=="}],"#),
        Contradiction::TextAndBase64("key")
    );
}

#[test]
fn base64_is_padded_and_canonical() {
    let field = |to: String| match fault(r#""value":"1""#, &to) {
        Fault::NotBase64 { field, .. } => field,
        fault => panic!("{fault}"),
    };
    for to in ["MQ", "MR==", "M", "M!==", "MQ==MQ=="] {
        assert_eq!(field(format!(r#""valueBase64":"{to}""#)), "valueBase64", "{to}");
    }
}

#[test]
fn a_value_is_what_flag_and_size_say() {
    assert_eq!(
        contradiction(r#""valueSize":1"#, r#""valueSize":2"#),
        Contradiction::Size { bytes: 1, value_size: 2 }
    );
    assert_eq!(
        contradiction(r#""value":"1","#, ""),
        Contradiction::Size { bytes: 0, value_size: 1 }
    );
    assert_eq!(contradiction("false", "true"), Contradiction::ValueInSpiteOfOverflow);
    assert_eq!(
        contradiction(r#""value":"1""#, r#""valueObject":"a""#),
        Contradiction::ObjectWithoutOverflow
    );
}

#[test]
fn headers_are_there_with_keys_or_not_at_all() {
    assert_eq!(contradiction("{", r#"{"headers":[],"#), Contradiction::NoHeaders);
    assert_eq!(
        contradiction("{", r#"{"headers":[{"value":"v"}],"#),
        Contradiction::HeaderWithoutKey
    );
}

#[test]
fn arrays_do_not_stand_for_objects() {
    let array = r#"["123",null,4,false,0,0,"Test","1",null,null,1]"#;
    for (format, body) in
        [(Format::JsonArray, format!("[{array}]")), (Format::JsonLines, format!("{array}\n"))]
    {
        assert!(matches!(decode(format, &body).unwrap_err().fault, Fault::NoObject));
    }
    let error = json_error("{", r#"{"headers":[["k"]],"#);
    assert!(error.contains("expected an object"), "{error}");
}

#[test]
fn what_surrounds_a_record_is_an_error() {
    for body in [
        format!(" {RECORD}\n"),
        format!("{RECORD} \n"),
        format!("{RECORD}\r\n"),
        format!("{RECORD},\n"),
        format!("{RECORD}{RECORD}\n"),
        format!("{RECORD}\n\n"),
        format!("\u{feff}{RECORD}\n"),
    ] {
        assert!(decode(Format::JsonLines, &body).is_err(), "{body:?}");
    }
    for body in [
        format!("[{RECORD}]\n"),
        format!("[{RECORD}] "),
        format!("[{RECORD}]]"),
        format!("[{RECORD},\n]"),
        format!("[\n{RECORD}]"),
        format!("[{RECORD},{RECORD}]"),
        format!("[[{RECORD}]"),
        format!("[{RECORD}],\n{RECORD}]"),
        format!("[{RECORD},\n[{RECORD}]"),
        "[]]".to_owned(),
        "[] ".to_owned(),
        "[],\n]".to_owned(),
    ] {
        assert!(decode(Format::JsonArray, &body).is_err(), "{body:?}");
    }
}

#[test]
fn an_array_that_was_cut_off_is_an_error_wherever_it_was() {
    let body = format!("[{RECORD},\n{RECORD},\n{RECORD}]");
    for length in 0..body.len() {
        assert!(decode(Format::JsonArray, &body[..length]).is_err(), "{length}");
    }
}

#[test]
fn a_line_that_was_cut_off_is_an_error() {
    let body = format!("{RECORD}\n{RECORD}\n");
    for length in 0..=body.len() {
        let whole = length % (RECORD.len() + 1) == 0;
        assert_eq!(decode(Format::JsonLines, &body[..length]).is_ok(), whole, "{length}");
    }
}

#[test]
fn an_error_names_its_record_and_is_the_last_word() {
    let body = format!("{RECORD}\n{RECORD}\n{{}}\n{RECORD}\n");
    let mut decoder = Decoder::new(Format::JsonLines, body.as_bytes());
    assert!(decoder.next().unwrap().is_ok());
    assert!(decoder.next().unwrap().is_ok());
    let error = decoder.next().unwrap().unwrap_err();
    assert_eq!(error.record, 3);
    assert_eq!(error.to_string(), "record 3: missing field `offset` at line 1 column 2");
    assert!(decoder.next().is_none());
}

#[test]
fn a_line_above_the_limit_is_not_taken_in() {
    let body = format!("{RECORD}\n");
    let limit = body.len() as u64;
    let read = |limit| {
        Decoder::new(Format::JsonLines, body.as_bytes())
            .with_max_line_bytes(limit)
            .collect::<Result<Vec<_>, _>>()
    };
    assert_eq!(read(limit).unwrap().len(), 1);
    let error = read(limit - 1).unwrap_err();
    assert_eq!(
        (error.record, error.to_string()),
        (1, format!("record 1: the line is longer than {} bytes", limit - 1))
    );
}

#[test]
fn no_more_than_the_limit_is_held_of_a_line_without_end() {
    let endless = std::io::BufReader::new(std::io::repeat(b'x'));
    let mut decoder = Decoder::new(Format::JsonLines, endless).with_max_line_bytes(1000);
    let error = decoder.next().unwrap().unwrap_err();
    assert!(matches!(error.fault, Fault::LineTooLong { max_line_bytes: 1000 }));
    assert_eq!(decoder.line.len(), 1001);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
        for format in [Format::JsonArray, Format::JsonLines] {
            // Neither format ends a body in what is no record.
            let read: Result<Vec<_>, _> = Decoder::new(format, bytes.as_slice()).collect();
            prop_assert!(read.is_err() || bytes.is_empty());
        }
    }

    #[test]
    fn a_record_with_any_change_is_read_without_a_panic(
        at in 0..RECORD.len(), removed in 0..8_usize, inserted: Vec<u8>, array: bool,
    ) {
        let end = (at + removed).min(RECORD.len());
        let changed = [&RECORD.as_bytes()[..at], &inserted, &RECORD.as_bytes()[end..]].concat();
        let (format, body) = if array {
            (Format::JsonArray, [b"[", changed.as_slice(), b"]"].concat())
        } else {
            (Format::JsonLines, [changed.as_slice(), b"\n"].concat())
        };
        for record in Decoder::new(format, body.as_slice()).flatten() {
            let bytes = match &record.value {
                DecodedValue::Bytes(bytes) => bytes.len() as u64,
                DecodedValue::Absent | DecodedValue::Object(_) => 0,
            };
            prop_assert!(record.overflow || bytes == record.value_size);
        }
    }
}
