#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;

const SETTINGS: EncoderSettings<'_> = EncoderSettings {
    topic: "Test",
    partition: 0,
    format: Format::JsonArray,
    key_encoding: TextEncoding::Utf8,
    value_encoding: TextEncoding::Utf8,
    include_headers: false,
};

const RECORD: Record<'_> = Record {
    offset: 4,
    timestamp: 1_603_779_578_478,
    key: Some(b"123"),
    value: Value::Bytes(b"1"),
    headers: &[],
};

fn encode(settings: EncoderSettings<'_>, records: &[Record<'_>]) -> String {
    let encoder = Encoder::new(settings);
    let mut buffer = Vec::new();
    for record in records {
        encoder.append(&mut buffer, record).unwrap();
    }
    encoder.finish(&mut buffer);
    String::from_utf8(buffer).unwrap()
}

#[test]
fn a_record_has_exactly_the_documented_form() {
    assert_eq!(
        encode(SETTINGS, &[RECORD]),
        r#"[{"key":"123","offset":4,"overflowFlag":false,"partition":0,"timestamp":1603779578478,"topic":"Test","value":"1","valueSize":1}]"#
    );
}

#[test]
fn an_array_has_one_record_a_line() {
    assert_eq!(
        encode(SETTINGS, &[RECORD, Record { offset: 5, ..RECORD }]),
        r#"[{"key":"123","offset":4,"overflowFlag":false,"partition":0,"timestamp":1603779578478,"topic":"Test","value":"1","valueSize":1},
{"key":"123","offset":5,"overflowFlag":false,"partition":0,"timestamp":1603779578478,"topic":"Test","value":"1","valueSize":1}]"#
    );
    assert_eq!(encode(SETTINGS, &[]), "[]");
}

#[test]
fn each_of_json_lines_ends_its_line() {
    let settings = EncoderSettings { format: Format::JsonLines, ..SETTINGS };
    assert_eq!(
        encode(settings, &[RECORD, Record { offset: 5, ..RECORD }]),
        r#"{"key":"123","offset":4,"overflowFlag":false,"partition":0,"timestamp":1603779578478,"topic":"Test","value":"1","valueSize":1}
{"key":"123","offset":5,"overflowFlag":false,"partition":0,"timestamp":1603779578478,"topic":"Test","value":"1","valueSize":1}
"#
    );
    assert_eq!(encode(settings, &[]), "");
}

#[test]
fn a_null_key_or_value_is_an_absent_field() {
    let null = Record { key: None, value: Value::Null, ..RECORD };
    let empty = Record { key: Some(b""), value: Value::Bytes(b""), ..RECORD };
    assert_eq!(
        encode(SETTINGS, &[null, empty]),
        r#"[{"offset":4,"overflowFlag":false,"partition":0,"timestamp":1603779578478,"topic":"Test","valueSize":0},
{"key":"","offset":4,"overflowFlag":false,"partition":0,"timestamp":1603779578478,"topic":"Test","value":"","valueSize":0}]"#
    );
}

#[test]
fn an_omitted_value_leaves_its_length() {
    let record = Record { key: None, value: Value::Omitted { size: 7_000_000 }, ..RECORD };
    assert_eq!(
        encode(SETTINGS, &[record]),
        r#"[{"offset":4,"overflowFlag":true,"partition":0,"timestamp":1603779578478,"topic":"Test","valueSize":7000000}]"#
    );
}

#[test]
fn a_spilled_value_leaves_its_object_and_length() {
    let value = Value::Spilled { object_key: "a/b+0+4.value", size: 7_000_000 };
    assert_eq!(
        encode(SETTINGS, &[Record { value, ..RECORD }]),
        r#"[{"key":"123","offset":4,"overflowFlag":true,"partition":0,"timestamp":1603779578478,"topic":"Test","valueObject":"a/b+0+4.value","valueSize":7000000}]"#
    );
}

#[test]
fn base64_has_fields_of_its_own() {
    let settings = EncoderSettings {
        key_encoding: TextEncoding::Base64,
        value_encoding: TextEncoding::Base64,
        ..SETTINGS
    };
    assert_eq!(
        encode(settings, &[RECORD]),
        r#"[{"keyBase64":"MTIz","offset":4,"overflowFlag":false,"partition":0,"timestamp":1603779578478,"topic":"Test","valueBase64":"MQ==","valueSize":1}]"#
    );
}

#[test]
fn base64_is_the_fallback_where_it_may_be() {
    let settings = EncoderSettings {
        key_encoding: TextEncoding::Utf8OrBase64,
        value_encoding: TextEncoding::Utf8OrBase64,
        ..SETTINGS
    };
    let binary = Record { key: Some(b"\xff"), value: Value::Bytes(b"a\xff"), ..RECORD };
    assert_eq!(
        encode(settings, &[RECORD, binary]),
        r#"[{"key":"123","offset":4,"overflowFlag":false,"partition":0,"timestamp":1603779578478,"topic":"Test","value":"1","valueSize":1},
{"keyBase64":"/w==","offset":4,"overflowFlag":false,"partition":0,"timestamp":1603779578478,"topic":"Test","valueBase64":"Yf8=","valueSize":2}]"#
    );
}

#[test]
fn headers_come_first_in_their_order() {
    let settings = EncoderSettings { include_headers: true, ..SETTINGS };
    let headers = [
        Header { key: b"k", value: Some(b"v") },
        Header { key: b"k", value: None },
        Header { key: b"\xff", value: Some(b"\xfe") },
        Header { key: b"", value: Some(b"") },
    ];
    assert_eq!(
        encode(settings, &[Record { headers: &headers, ..RECORD }]),
        r#"[{"headers":[{"key":"k","value":"v"},{"key":"k"},{"keyBase64":"/w==","valueBase64":"/g=="},{"key":"","value":""}],"key":"123","offset":4,"overflowFlag":false,"partition":0,"timestamp":1603779578478,"topic":"Test","value":"1","valueSize":1}]"#
    );
}

#[test]
fn headers_are_absent_where_there_are_none_or_none_are_wanted() {
    let headers = [Header { key: b"k", value: Some(b"v") }];
    let without = encode(SETTINGS, &[RECORD]);
    let none = EncoderSettings { include_headers: true, ..SETTINGS };
    assert_eq!(encode(none, &[RECORD]), without);
    assert_eq!(encode(SETTINGS, &[Record { headers: &headers, ..RECORD }]), without);
}

#[test]
fn the_part_that_is_not_text_is_named() {
    let encoder = Encoder::new(SETTINGS);
    let value = Record { value: Value::Bytes(b"a\xff"), ..RECORD };
    let error = encoder.append(&mut Vec::new(), &value).unwrap_err();
    assert_eq!((error.part, error.error.valid_up_to()), (Part::Value, 1));
    let key = Record { key: Some(b"\xff"), ..value };
    let error = encoder.append(&mut Vec::new(), &key).unwrap_err();
    assert_eq!((error.part, error.error.valid_up_to()), (Part::Key, 0));
}

proptest! {
    #[test]
    fn a_refused_record_leaves_the_buffer_as_it_was(
        before: Vec<u8>,
        bad_key: bool,
        mut bytes: Vec<u8>,
        lines: bool,
        header: Vec<u8>,
    ) {
        bytes.push(0xff);
        let settings = EncoderSettings {
            format: if lines { Format::JsonLines } else { Format::JsonArray },
            include_headers: true,
            ..SETTINGS
        };
        let record = Record {
            key: bad_key.then_some(bytes.as_slice()),
            value: if bad_key { Value::Null } else { Value::Bytes(&bytes) },
            headers: &[Header { key: &header, value: None }],
            ..RECORD
        };
        let mut buffer = before.clone();
        let refused = Encoder::new(settings).append(&mut buffer, &record);
        prop_assert!(refused.is_err());
        prop_assert_eq!(buffer, before);
    }
}
