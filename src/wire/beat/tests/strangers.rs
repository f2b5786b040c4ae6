//! Lines of other programs, and of an enemy.

use super::*;

#[test]
fn near_json_as_libraries_print_it() {
    beat(
        "{'agent': 'a', 'status': 'ok', 'tokens_used': 12, 'ts': 1795392664.4616356, 'ok': True, 'err': None}",
    );
    beat(
        r#"{"agent": "a", "tokens_used": 12, "event": "heartbeat", "level": "info", "timestamp": "2026-11-23T00:11:05.964840Z"}"#,
    );
    beat(
        r#"{"asctime": "2026-11-23 00:11:06,177", "levelname": "INFO", "message": "heartbeat", "tokens_used": 12}"#,
    );
    beat(
        r#"{"level":"info","message":"heartbeat","timestamp":"2026-11-23T00:11:08.369Z","tokens_used":12}"#,
    );
    beat(
        r#"{"text": "2026-11-23 00:11:06.131 | INFO     | __main__:<module>:9 - heartbeat\n", "record": {"elapsed": {"repr": "0:00:00.076368", "seconds": 0.076368}, "exception": null, "extra": {"tokens_used": 12}, "file": {"name": "nj.py", "path": "nj.py"}, "function": "<module>", "level": {"icon": "ℹ️", "name": "INFO", "no": 20}, "line": 9, "message": "heartbeat", "module": "nj", "name": "__main__", "process": {"id": 7908, "name": "MainProcess"}, "thread": {"id": 140367739726720, "name": "MainThread"}, "time": {"repr": "2026-11-23 00:11:06.131450+00:00", "timestamp": 1795392666.13145}}}"#,
    );
    beat(
        r#"{"level":30,"time":1795392667887,"pid":7935,"hostname":"vm","tokens_used":12,"msg":"heartbeat"}"#,
    );
    let strangers = [
        r#"{"agent": "a", "cost": NaN}"#,
        // Prefixes are another module's; here they are what they look like.
        r#"INFO:root:{"agent": "a", "status": "ok"}"#,
        "\u{1b}[32m{\"agent\": \"a\"}\u{1b}[0m",
        // A pretty-printed object, line by line.
        "{",
        r#"  "agent": "a","#,
        r#"  "status": "ok""#,
        "}",
        "2026-11-23 00:11:05 [info     ] heartbeat                      agent=a tokens_used=12",
        r#"    "name": "chat mock-1","#,
        r#"    "status": {"#,
        r#"        "gen_ai.usage.input_tokens": 1000,"#,
        "{ agent: 'a', status: 'ok', tokens_used: 12 }",
    ];
    for line in strangers {
        is_stranger(line.as_bytes());
    }
}

#[test]
fn other_peoples_json_is_a_stranger() {
    let strangers = [
        r#"{"ts":1790000000.5,"status":200,"method":"GET","path":"/healthz"}"#,
        r#"{"agent":"Mozilla/5.0","status":200,"method":"GET","path":"/"}"#,
        r#"{"ts":"2026-11-23T00:11:05Z","status":"200","message":"GET /"}"#,
        r#"{"level":"info","ts":1795392667.8,"logger":"http.log.access","msg":"handled request","status":200,"size":12}"#,
        r#"{"level":30,"time":1795392667887,"pid":7935,"hostname":"vm","msg":"listening","model":"gpt","cycle":3}"#,
        r#"{"level":"info","message":"started","timestamp":"2026-11-23T00:11:08.369Z"}"#,
        r#"{"@timestamp":"2026-11-23T00:11:08Z","agent":{"type":"filebeat"},"message":"x","status":"ok"}"#,
        r#"{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21}"#,
        r#"{"model":"gpt","input_tokens":36,"output_tokens":87,"total_tokens":123,"status":"completed"}"#,
        r#"{"id":"resp_1","object":"response","status":"completed","model":"gpt","usage":{"input_tokens":36}}"#,
        r#"{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"hi"}}],"usage":{"total_tokens":21}}"#,
        r#"{"type":"system","subtype":"init","cwd":"WORKDIR","tools":["Task"],"model":"claude-opus-4-8[1m]","agents":["claude"],"skills":[]}"#,
        r#"{"type":"system","subtype":"api_retry","attempt":1,"retry_delay_ms":586.54,"error_status":500,"error":"server_error"}"#,
        r#"{"type":"assistant","message":{"id":"msg_6","role":"assistant","model":"claude-opus-4-8","content":[{"type":"text","text":"Hello"}],"usage":{"input_tokens":1000,"output_tokens":1}},"parent_tool_use_id":null}"#,
        r#"{"type":"user","message":{"role":"user","content":[{"type":"tool_result","content":"{\"agent\":\"a\",\"status\":\"ok\"}"}]}}"#,
        r#"{"type":"result","subtype":"success","is_error":false,"num_turns":1,"result":"{\"agent\":\"a\",\"tokens_used\":5}","total_cost_usd":0.00625,"usage":{"input_tokens":1000}}"#,
        r#"{"type":"turn.completed","usage":{"input_tokens":1000,"cached_input_tokens":0,"output_tokens":50}}"#,
        r#"{"type":"error","message":"Reconnecting... 1/5 (unexpected status 401 Unauthorized)"}"#,
        r#"{"type":"item.completed","item":{"id":"item_1","type":"agent_message","text":"Hello","status":"completed"}}"#,
        r#"{"type":"result","timestamp":"2026-11-22T23:48:16.804Z","status":"success","stats":{"total_tokens":1050,"input_tokens":1000,"tool_calls":0}}"#,
        r#"{"type":"step_finish","timestamp":1795391317898,"part":{"reason":"stop","tokens":{"total":1050,"input":1000}}}"#,
    ];
    for line in strangers {
        is_stranger(line.as_bytes());
    }
}

#[test]
fn hostile_lines_end_in_time_and_without_a_crash() {
    // Each would take minutes if anything here were quadratic, or the stack if it were recursive.
    const DEEP: usize = 1_000_000;
    let closed = |open: &str, close: &str| format!("{}1{}", open.repeat(DEEP), close.repeat(DEEP));
    for deep in [closed("[", "]"), closed("{\"a\":", "}")] {
        beat(&format!(r#"{{"x":{deep},"agent":"a","status":"ok"}}"#));
        beat(&format!(r#"{{"agent":"a","status":"ok","ts":{deep}}}"#));
        is_stranger(format!(r#"{{"agent":"a","status":{deep}}}"#).as_bytes());
        bad(format!(r#"{{"agent":"a","cycle":1,"status":{deep}}}"#).as_bytes());
        is_stranger(format!(r#"{{"agent":{deep},"status":"ok"}}"#).as_bytes());
    }
    for piece in [
        "[",
        "{\"a\":",
        "{'a':",
        "{",
        "\"",
        "'",
        "\\ud83d",
        "{\"agent\" ",
        "{\"a\": ",
        "1",
        "{\"tokens_use",
    ] {
        is_stranger(format!("{{{}", piece.repeat(DEEP)).as_bytes());
        bad(format!(r#"{{"agent":"a","status":{}"#, piece.repeat(DEEP)).as_bytes());
        bad(format!(r"{{'agent': 'a', 'status': {}", piece.repeat(DEEP)).as_bytes());
    }
    bad(format!(r#"{{"agent":"a","status":"ok","cycle":{}}}"#, "9".repeat(DEEP)).as_bytes());
    beat(&format!(r#"{{"agent":"a","cycle":0.{}}}"#, "0".repeat(DEEP)));
    beat(&format!(r#"{{{}"agent":"a","status":"ok"}}"#, r#""message":"\n","#.repeat(DEEP)));
    beat(&format!(r#"{{{}"agent":"a","status":"ok"}}"#, " ".repeat(DEEP)));
}

#[test]
fn any_bytes_end_without_panic() {
    let lines = [
        r#"{"agent":"é\ud83d\ude00","status":"ok","tokens_used":-1.5e3,"x":[{"y":null}]}"#,
        r"{'agent': 'é\ud83d', 'status': 'ok', 'tokens_used': -1.5e3, 'x': [(1,), {2: None}]}",
    ];
    for line in lines {
        for at in 0..line.len() {
            let _ = parse(&line.as_bytes()[..at]);
            for byte in *b"\0\"'\\{}[](),:-1exu \xff" {
                let mut bytes = line.as_bytes().to_vec();
                bytes[at] = byte;
                let _ = parse(&bytes);
                let _ = too_long(&bytes);
            }
        }
    }
}
