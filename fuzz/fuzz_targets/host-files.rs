//! Files of a machine (`dir:ROOT`): the input is files with NULs between, each a path, a line feed and what stands in it. Reading ends, is
//! the same each time, and says why something could not be read.
#![no_main]

use std::{
    fs,
    path::{Component, Path},
};

use libfuzzer_sys::fuzz_target;
use skywarden_host::{HostRoot, collect};
use skywarden_model::Timestamp;

/// A file may lie so deep.
const MAX_DEPTH: usize = 8;

fn is_plain(path: &Path) -> bool {
    let mut parts = path.components();
    parts.next() == Some(Component::RootDir)
        && parts.clone().count() <= MAX_DEPTH
        && parts.all(|part| matches!(part, Component::Normal(name) if name.len() < 100))
}

const MACHINE: &str = "/etc/machine-id\n0123456789abcdef0123456789abcdef\n\0/usr/lib/os-release\nID=debian\nVERSION_ID=\"12\"\n\0\
    /etc/passwd\nroot:x:0:0::/root:/bin/bash\nann:x:1000:1000::/home/ann:/bin/bash\n\0/etc/group\nroot:x:0:\nann:x:1000:\n\0";

/// A file for each that is read.
const FILES: &[&str] = &[
    "/etc/shadow\nroot:*:19000:0:99999:7:::\nann:$y$j9T$x:19000:0:90:7:::\n\0/etc/login.defs\nUID_MIN 1000\nUMASK 027 # x\n",
    "/usr/sbin/sshd\n\0/etc/ssh/sshd_config\nInclude /etc/ssh/sshd_config.d/*.conf\nPermitRootLogin yes\nMatch User x\n\0/etc/ssh/sshd_config.d/50-x.conf\nCiphers aes128-ctr,aes128-cbc\n",
    "/usr/bin/sudo\n\0/etc/sudoers\nDefaults use_pty, timestamp_timeout=5\nann ALL=(ALL) NOPASSWD: ALL\n@includedir /etc/sudoers.d\n\0/etc/sudoers.d/a\n@include /etc/sudoers\n",
    "/var/lib/dpkg/status\nPackage: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2-1\nSource: b (1)\n\n\0/var/lib/apt/lists/x_Packages\nPackage: bash\nVersion: 5.2-2\nArchitecture: amd64\n\n",
    "/lib/apk/db/installed\nC:Q1\nP:musl\nV:1.2.4-r2\nA:x86_64\no:musl\n\n",
    "/etc/fstab\nUUID=1 /tmp ext4 nodev,nosuid 0 2\n/dev/sda1 /mnt/a\\040b xfs rw 0 0\n\0/etc/crypttab\na b\n",
    "/usr/sbin/auditctl\n\0/etc/audit/auditd.conf\nmax_log_file = 8\nspace_left_action = email\n\0/etc/audit/rules.d/a.rules\n-w /etc/passwd -p wa -k identity\n-a always,exit -F arch=b64 -S adjtimex,settimeofday -F auid>=1000 -k t\n-e 2\n",
    "/usr/sbin/nft\n\0/etc/nftables.conf\ntable inet filter { chain input { type filter hook input priority 0; policy drop; iif lo accept } }\n",
    "/usr/sbin/iptables\n\0/etc/iptables/rules.v4\n*filter\n:INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n",
    "/usr/sbin/ufw\n\0/etc/ufw/ufw.conf\nENABLED=yes\n\0/etc/default/ufw\nDEFAULT_INPUT_POLICY=\"DROP\"\n\0/etc/ufw/user.rules\n### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in\n",
    "/usr/sbin/firewalld\n\0/etc/firewalld/firewalld.conf\nDefaultZone=public\n\0/etc/firewalld/zones/trusted.xml\n<zone target=\"ACCEPT\"><source address=\"10.0.0.0/8\"/></zone>\n",
    "/etc/pam.d/common-password\npassword [success=1 default=ignore] pam_unix.so obscure yescrypt remember=5\n@include other\n\0/etc/security/pwquality.conf\nminlen = 14\n\0/etc/security/faillock.conf\ndeny = 5\n",
    "/etc/sysctl.conf\nnet.ipv4.ip_forward = 0\n\0/etc/sysctl.d/99-x.conf\n-net/ipv4/conf/all/rp_filter=1\n\0/etc/default/grub\nGRUB_CMDLINE_LINUX=\"audit=1 apparmor=1\"\n\0/boot/grub/grub.cfg\nlinux /vmlinuz root=/dev/sda1 audit=1\nset superusers=\"root\"\npassword_pbkdf2 root grub.x\n",
    "/etc/modprobe.d/x.conf\ninstall cramfs /bin/false\nblacklist usb-storage\n\0/etc/systemd/journald.conf\n[Journal]\nStorage=persistent\n\0/etc/rsyslog.conf\n$FileCreateMode 0640\n*.* @@loghost:514\n",
    "/etc/apt/apt.conf.d/20auto-upgrades\nAPT::Periodic::Unattended-Upgrade \"1\";\nAPT { Get { AllowUnauthenticated \"true\"; }; };\n\0/etc/apt/sources.list.d/a.sources\nTypes: deb\nURIs: http://deb.debian.org\nTrusted: yes\n\0/etc/apt/sources.list\ndeb [trusted=yes] http://x y main\n",
    "/etc/yum.repos.d/a.repo\n[base]\nbaseurl=https://x\ngpgcheck=0\n\0/etc/dnf/dnf.conf\n[main]\ngpgcheck=1\n\0/etc/crypto-policies/config\nLEGACY\n\0/etc/crypto-policies/state/CURRENT.pol\nmin_rsa_size = 1024\nhash = SHA1\n",
    "/etc/selinux/config\nSELINUX=enforcing\nSELINUXTYPE=targeted\n\0/etc/chrony/chrony.conf\npool x iburst\nuser _chrony\n\0/etc/systemd/timesyncd.conf\n[Time]\nNTP=x\n\0/etc/aide/aide.conf\n/sbin/auditctl p+i+n\n!/var\n",
    "/etc/systemd/system/a.service\n[Service]\nExecStart=/bin/x\n\0/etc/crontab\n* * * * * root x\n\0/etc/gdm3/greeter.dconf-defaults\n[x]\n\0/etc/gdm3/custom.conf\n[xdmcp]\nEnable=true\n\0/etc/dconf/db/local.d/a\n[org/gnome/login-screen]\nbanner-message-enable=true\n",
    "/etc/profile\nTMOUT=900\nreadonly TMOUT\numask 027\n\0/etc/bash.bashrc\numask 0022\n\0/etc/security/limits.conf\n* hard core 0\n\0/etc/default/useradd\nINACTIVE=30\n\0/home/ann/.netrc\nx\n\0/etc/shells\n/bin/bash\n",
];

fn seeds() {
    skywarden_fuzz::seeds(FILES.iter().map(|files| format!("{MACHINE}{files}")));
}

fuzz_target!(init: seeds(), |input: &[u8]| {
    let folder = skywarden_fuzz::folder();
    for file in input.split(|byte| *byte == 0) {
        let end = file.iter().position(|byte| *byte == b'\n').unwrap_or(file.len());
        let (Ok(path), content) = (std::str::from_utf8(&file[..end]), file.get(end + 1..).unwrap_or_default()) else { continue };
        if is_plain(Path::new(path)) {
            let path = folder.path().join(path.trim_start_matches('/'));
            // A file may stand where a folder is wanted.
            if path.parent().is_some_and(|parent| fs::create_dir_all(parent).is_ok()) {
                let _ = fs::write(&path, content);
            }
        }
    }
    let read = || collect(&HostRoot::tree(folder.path()), Timestamp::UNIX_EPOCH, "fuzz".into());
    let snapshot = read();
    let [machine] = snapshot.resources.as_slice() else { panic!("a machine is one resource") };
    for entry in &machine.unreadable {
        assert!(!entry.reason.message.is_empty() && !entry.reason.operation.is_empty(), "{entry:?}");
    }
    let again = read();
    assert_eq!(serde_json::to_string(&again.resources).expect("plain data"), serde_json::to_string(&snapshot.resources).expect("plain data"));
});
