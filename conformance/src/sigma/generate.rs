use rsigma_parser::{Detection, DetectionItem, Modifier, SigmaString, SigmaValue, SpecialChar, StringPart};
use serde_json::{Map, Value, json};
use skywarden_sigma::SigmaRule;

use crate::random::Random;

/// A record that satisfies some of a rule's selections, more or less: what they look for is in its fields, among other letters.
pub fn made_for(rule: &SigmaRule, random: &mut Random) -> Value {
    let mut record = Map::new();
    let mut named: Vec<_> = rule.detection.named.iter().collect();
    named.sort_by_key(|(name, _)| *name);
    for (_, detection) in named {
        if random.below(10) < 7 {
            fill(detection, &mut record, random);
        }
    }
    Value::Object(record)
}

fn fill(detection: &Detection, record: &mut Map<String, Value>, random: &mut Random) {
    match detection {
        Detection::AllOf(items) => items.iter().for_each(|item| fill_item(item, record, random)),
        Detection::AnyOf(parts) => {
            if let Some(part) = parts.get(random.below(parts.len().max(1))) {
                fill(part, record, random);
            }
        }
        Detection::Keywords(words) => {
            if let Some(word) = words.get(random.below(words.len().max(1))).and_then(|word| text_of(word, random)) {
                put(record, "message", json!(format!("before {word} after")));
            }
        }
        _ => {}
    }
}

fn fill_item(item: &DetectionItem, record: &mut Map<String, Value>, random: &mut Random) {
    let Some(name) = &item.field.name else { return };
    let has = |modifier: Modifier| item.field.modifiers.contains(&modifier);
    // One in eight is left out or differs, so that near misses are made too.
    match random.below(16) {
        0 => return,
        1 => return put(record, name, json!("something else")),
        _ => {}
    }
    if has(Modifier::Exists) {
        if matches!(item.values.first(), Some(SigmaValue::Bool(true))) {
            put(record, name, json!("there"));
        }
        return;
    }
    let mut texts = Vec::new();
    for value in &item.values {
        if matches!(value, SigmaValue::Null) {
            continue;
        }
        if let Some(text) = text_of(value, random) {
            texts.push(text);
        }
    }
    if texts.is_empty() {
        return;
    }
    let text = if has(Modifier::All) { texts.join(" ") } else { texts.swap_remove(random.below(texts.len())) };
    let text = match (has(Modifier::Cidr), has(Modifier::Contains), has(Modifier::StartsWith), has(Modifier::EndsWith)) {
        (true, ..) => text.split('/').next().unwrap_or_default().to_owned(),
        (_, true, ..) => format!("aa{text}bb"),
        (_, _, true, _) => format!("{text}bb"),
        (_, _, _, true) => format!("aa{text}"),
        _ => text,
    };
    let text = match random.below(4) {
        0 => text.to_uppercase(),
        _ => text,
    };
    let value = match (item.values.first(), text.parse::<i64>()) {
        (Some(SigmaValue::Integer(_)), Ok(number)) if random.below(2) == 0 => json!(number),
        _ => json!(text),
    };
    put(record, name, value);
}

/// A text that a value stands for, with letters in place of wildcards.
fn text_of(value: &SigmaValue, random: &mut Random) -> Option<String> {
    match value {
        SigmaValue::String(SigmaString { parts, .. }) => Some(
            parts
                .iter()
                .map(|part| match part {
                    StringPart::Plain(text) => text.clone(),
                    StringPart::Special(SpecialChar::WildcardMulti) => "zz".repeat(random.below(3)),
                    StringPart::Special(SpecialChar::WildcardSingle) => "q".to_owned(),
                })
                .collect(),
        ),
        SigmaValue::Integer(number) => Some(number.to_string()),
        SigmaValue::Float(number) => Some(number.to_string()),
        SigmaValue::Bool(value) => Some(value.to_string()),
        SigmaValue::Null => None,
    }
}

/// Puts a value at a dotted path, unless something that is no object is in the way.
fn put(record: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            record.insert(path.to_owned(), value);
        }
        Some((first, rest)) => {
            let inner = record.entry(first.to_owned()).or_insert_with(|| json!({}));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

/// Everyday programs with who starts them and how, and how often.
const PROGRAMS: &[(&str, &str, &str, usize)] = &[
    (
        r"C:\Windows\System32\svchost.exe",
        r"C:\Windows\System32\services.exe",
        r"C:\WINDOWS\system32\svchost.exe -k netsvcs -p -s Schedule",
        20,
    ),
    (
        r"C:\Windows\System32\svchost.exe",
        r"C:\Windows\System32\services.exe",
        r"C:\WINDOWS\System32\svchost.exe -k LocalSystemNetworkRestricted -p -s WdiSystemHost",
        12,
    ),
    (
        r"C:\Windows\System32\RuntimeBroker.exe",
        r"C:\Windows\System32\svchost.exe",
        r"C:\Windows\System32\RuntimeBroker.exe -Embedding",
        8,
    ),
    (
        r"C:\Windows\System32\backgroundTaskHost.exe",
        r"C:\Windows\System32\svchost.exe",
        r#""C:\WINDOWS\system32\backgroundTaskHost.exe" -ServerName:App.AppXmtcan0h2tfbfy7k9kn8hbxb6dmzz1zh0.mca"#,
        8,
    ),
    (r"C:\Windows\System32\taskhostw.exe", r"C:\Windows\System32\svchost.exe", r"taskhostw.exe Install $(Arg0)", 5),
    (
        r"C:\Windows\System32\SearchProtocolHost.exe",
        r"C:\Windows\System32\SearchIndexer.exe",
        r#""C:\WINDOWS\system32\SearchProtocolHost.exe" Global\UsGthrFltPipeMssGthrPipe12_ Global\UsGthrCtrlFltPipeMssGthrPipe12 1 -2147483646 "Software\Microsoft\Windows Search" "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT; MS Search 4.0 Robot)""#,
        6,
    ),
    (
        r"C:\Windows\System32\dllhost.exe",
        r"C:\Windows\System32\svchost.exe",
        r"C:\WINDOWS\system32\DllHost.exe /Processid:{AB8902B4-09CA-4BB6-B78D-A8F59079A8D5}",
        5,
    ),
    (
        r"C:\Program Files\Google\Chrome\Application\chrome.exe",
        r"C:\Program Files\Google\Chrome\Application\chrome.exe",
        r#""C:\Program Files\Google\Chrome\Application\chrome.exe" --type=renderer --lang=en-US --device-scale-factor=1.25 --num-raster-threads=4 --enable-main-frame-before-activation --renderer-client-id=412 --time-ticks-at-unix-epoch=-1764400000000 --launch-time-ticks=81234567890"#,
        18,
    ),
    (
        r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
        r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
        r#""C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe" --type=utility --utility-sub-type=network.mojom.NetworkService --lang=en-US --service-sandbox-type=none"#,
        8,
    ),
    (
        r"C:\Program Files\Microsoft Office\root\Office16\EXCEL.EXE",
        r"C:\Windows\explorer.exe",
        r#""C:\Program Files\Microsoft Office\root\Office16\EXCEL.EXE" "D:\Finance\budget 2026.xlsx""#,
        2,
    ),
    (
        r"C:\Program Files\Microsoft Office\root\Office16\OUTLOOK.EXE",
        r"C:\Windows\explorer.exe",
        r#""C:\Program Files\Microsoft Office\root\Office16\OUTLOOK.EXE""#,
        1,
    ),
    (
        r"C:\Users\a.meyer\AppData\Local\Microsoft\Teams\current\Teams.exe",
        r"C:\Users\a.meyer\AppData\Local\Microsoft\Teams\current\Teams.exe",
        r#""C:\Users\a.meyer\AppData\Local\Microsoft\Teams\current\Teams.exe" --type=gpu-process --field-trial-handle=1644"#,
        3,
    ),
    (r"C:\Program Files\Git\cmd\git.exe", r"C:\Program Files\Microsoft VS Code\Code.exe", r"git status -z -uall --porcelain", 6),
    (
        r"C:\Program Files\nodejs\node.exe",
        r"C:\Program Files\Microsoft VS Code\Code.exe",
        r#""C:\Program Files\nodejs\node.exe" D:\src\shop\node_modules\typescript\lib\tsserver.js --useInferredProjectPerProjectRoot"#,
        2,
    ),
    (
        r"C:\Windows\System32\conhost.exe",
        r"C:\Program Files\Git\cmd\git.exe",
        r"\??\C:\WINDOWS\system32\conhost.exe 0xffffffff -ForceV1",
        6,
    ),
    (
        r"C:\Windows\System32\wbem\WmiPrvSE.exe",
        r"C:\Windows\System32\svchost.exe",
        r"C:\WINDOWS\system32\wbem\wmiprvse.exe -secured -Embedding",
        3,
    ),
    (
        r"C:\ProgramData\Microsoft\Windows Defender\Platform\4.18.25100.9008-0\MsMpEng.exe",
        r"C:\Windows\System32\services.exe",
        r#""C:\ProgramData\Microsoft\Windows Defender\Platform\4.18.25100.9008-0\MsMpEng.exe""#,
        1,
    ),
    (r"C:\Windows\System32\sihost.exe", r"C:\Windows\System32\svchost.exe", r"sihost.exe", 1),
];

/// Everyday starts of programs on Windows as Sysmon reports them, about 1,100 bytes each. They are this project's own.
pub fn everyday_processes(n: usize, random: &mut Random) -> Vec<String> {
    let total: usize = PROGRAMS.iter().map(|(.., weight)| weight).sum();
    let mut records = Vec::with_capacity(n);
    for number in 0..n {
        let mut left = random.below(total.max(1));
        let mut chosen = None;
        for program in PROGRAMS {
            if left < program.3 {
                chosen = Some(program);
                break;
            }
            left -= program.3;
        }
        let Some((image, parent, command, _)) = chosen else { continue };
        let name = image.rsplit('\\').next().unwrap_or_default();
        let digits = |random: &mut Random, n: usize| (0..n).map(|_| format!("{:X}", random.below(16))).collect::<String>();
        let record = json!({
            "EventID": 1,
            "Channel": "Microsoft-Windows-Sysmon/Operational",
            "Computer": format!("WS{:04}.corp.example", random.below(400)),
            "UtcTime": format!("2026-11-2{} 0{}:{:02}:{:02}.{:03}", number % 10, random.below(10), random.below(60), random.below(60), random.below(1000)),
            "ProcessGuid": format!("{{{}-1F2A-65AB-0010-{}}}", digits(random, 8), digits(random, 12)),
            "ProcessId": 100 + random.below(30_000),
            "Image": image,
            "FileVersion": "10.0.26100.4061 (WinBuild.160101.0800)",
            "Description": "Part of the system",
            "Product": "Microsoft Windows Operating System",
            "Company": "Microsoft Corporation",
            "OriginalFileName": name,
            "CommandLine": command,
            "CurrentDirectory": r"C:\WINDOWS\system32\",
            "User": if random.below(2) == 0 { r"CORP\a.meyer" } else { r"NT AUTHORITY\NETWORK SERVICE" },
            "LogonGuid": format!("{{{}-1F2A-65AB-E703-000000000000}}", digits(random, 8)),
            "LogonId": format!("0x{}", digits(random, 6)),
            "TerminalSessionId": random.below(3),
            "IntegrityLevel": "Medium",
            "Hashes": format!("SHA256={},IMPHASH={}", digits(random, 64), digits(random, 32)),
            "ParentProcessGuid": format!("{{{}-1F2A-65AB-0010-{}}}", digits(random, 8), digits(random, 12)),
            "ParentProcessId": 4 + random.below(9_000),
            "ParentImage": parent,
            "ParentCommandLine": format!("\"{parent}\""),
            "ParentUser": r"NT AUTHORITY\LOCAL SERVICE",
        });
        records.push(record.to_string());
    }
    records
}
