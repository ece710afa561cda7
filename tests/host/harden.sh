#!/bin/sh
# Makes a Debian 12 tree (debootstrap --variant=minbase bookworm ROOT) a machine, and hardens it without starting it.
#   harden.sh ROOT packages   installs what a server has: init, ssh, sudo, cron, logs, clock, firewall, audit
#   harden.sh ROOT settings   writes the settings that the rules ask for
set -eu
root=${1:?usage: harden.sh ROOT packages|settings}
step=${2:?usage: harden.sh ROOT packages|settings}
case $(readlink -f "$root") in /) echo "not on the running machine" >&2; exit 2 ;; esac
[ -f "$root/etc/debian_version" ] || { echo "$root is no Debian tree" >&2; exit 2; }

put() { # PATH MODE, content from standard input
    mkdir -p "$root$(dirname "$1")"
    cat > "$root$1"
    chmod "$2" "$root$1"
}

packages() {
    # No service of the tree may start on the machine that runs this.
    printf '#!/bin/sh\nexit 101\n' | put /usr/sbin/policy-rc.d 755
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    chroot "$root" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
    chroot "$root" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        systemd-sysv openssh-server sudo cron rsyslog chrony nftables auditd aide aide-common apparmor \
        libpam-pwquality login passwd kmod procps
    rm -f "$root/usr/sbin/policy-rc.d"
    echo hardened-demo > "$root/etc/hostname"
    put /etc/fstab 644 <<'EOF'
/dev/vda1 / ext4 defaults 0 1
EOF
    put /etc/default/grub 644 <<'EOF'
GRUB_CMDLINE_LINUX=""
EOF
}

settings() {
    put /etc/fstab 644 <<'EOF'
/dev/vda1 / ext4 defaults 0 1
/dev/vda2 /home ext4 nodev,nosuid 0 2
/dev/vda3 /var ext4 nodev,nosuid 0 2
/dev/vda4 /var/log ext4 nodev,nosuid,noexec 0 2
/dev/vda5 /var/log/audit ext4 nodev,nosuid,noexec 0 2
/dev/vda6 /var/tmp ext4 nodev,nosuid,noexec 0 2
tmpfs /tmp tmpfs nodev,nosuid,noexec 0 0
tmpfs /dev/shm tmpfs nodev,nosuid,noexec 0 0
EOF
    for module in appletalk atm ax25 can cramfs dccp firewire-core freevxfs hfs hfsplus jffs2 ksmbd n-hdlc netrom overlay rds rose \
        sctp squashfs tipc udf usb-storage x25; do
        printf 'install %s /bin/false\nblacklist %s\n' "$module" "$module"
    done | put /etc/modprobe.d/60-hardening.conf 644
    put /etc/default/grub 644 <<'EOF'
GRUB_CMDLINE_LINUX="audit=1 audit_backlog_limit=8192 apparmor=1 security=apparmor"
EOF
    put /etc/sysctl.d/60-hardening.conf 644 <<'EOF'
dev.tty.ldisc_autoload = 0
fs.protected_fifos = 2
fs.protected_hardlinks = 1
fs.protected_regular = 2
fs.protected_symlinks = 1
fs.suid_dumpable = 0
kernel.core_uses_pid = 1
kernel.dmesg_restrict = 1
kernel.kexec_load_disabled = 1
kernel.kptr_restrict = 2
kernel.perf_event_paranoid = 3
kernel.randomize_va_space = 2
kernel.sysrq = 0
kernel.unprivileged_bpf_disabled = 1
kernel.yama.ptrace_scope = 1
net.core.bpf_jit_harden = 2
net.ipv4.conf.all.accept_redirects = 0
net.ipv4.conf.all.accept_source_route = 0
net.ipv4.conf.all.log_martians = 1
net.ipv4.conf.all.rp_filter = 1
net.ipv4.conf.all.secure_redirects = 0
net.ipv4.conf.all.send_redirects = 0
net.ipv4.conf.default.accept_redirects = 0
net.ipv4.conf.default.accept_source_route = 0
net.ipv4.conf.default.log_martians = 1
net.ipv4.conf.default.rp_filter = 1
net.ipv4.conf.default.secure_redirects = 0
net.ipv4.conf.default.send_redirects = 0
net.ipv4.ip_forward = 0
net.ipv6.conf.all.accept_ra = 0
net.ipv6.conf.all.accept_redirects = 0
net.ipv6.conf.all.accept_source_route = 0
net.ipv6.conf.default.accept_ra = 0
net.ipv6.conf.default.accept_redirects = 0
net.ipv6.conf.default.accept_source_route = 0
EOF
    printf '* hard core 0\n' | put /etc/security/limits.d/60-hardening.conf 644
    for file in motd issue issue.net; do printf 'Authorised use only. Use is recorded.\n' | put /etc/$file 644; done

    put /etc/ssh/sshd_config.d/10-hardening.conf 600 <<'EOF'
AllowGroups sudo
AllowAgentForwarding no
AllowTcpForwarding no
Banner /etc/issue.net
Ciphers aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr,aes128-ctr
ClientAliveCountMax 3
ClientAliveInterval 15
DisableForwarding yes
GSSAPIAuthentication no
KexAlgorithms sntrup761x25519-sha512@openssh.com,curve25519-sha256
LogLevel VERBOSE
LoginGraceTime 60
MACs hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com
MaxAuthTries 4
MaxSessions 10
MaxStartups 10:30:60
PermitRootLogin no
TCPKeepAlive no
X11Forwarding no
EOF
    chmod 600 "$root/etc/ssh/sshd_config"
    put /etc/sudoers.d/hardening 440 <<'EOF'
Defaults use_pty
Defaults logfile="/var/log/sudo.log"
Defaults timestamp_timeout=5
EOF
    put /etc/pam.d/common-auth 644 <<'EOF'
auth required pam_faillock.so preauth
auth [success=2 default=ignore] pam_unix.so try_first_pass
auth [default=die] pam_faillock.so authfail
auth requisite pam_deny.so
auth required pam_permit.so
EOF
    put /etc/pam.d/common-account 644 <<'EOF'
account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so
account requisite pam_deny.so
account required pam_permit.so
account required pam_faillock.so
EOF
    put /etc/pam.d/common-password 644 <<'EOF'
password requisite pam_pwquality.so retry=3
password requisite pam_pwhistory.so remember=24 enforce_for_root use_authtok
password [success=1 default=ignore] pam_unix.so obscure use_authtok try_first_pass yescrypt
password requisite pam_deny.so
password required pam_permit.so
EOF
    printf 'deny = 5\nunlock_time = 900\neven_deny_root\n' | put /etc/security/faillock.conf 644
    printf 'minlen = 14\ndifok = 2\nminclass = 3\nmaxrepeat = 3\nmaxsequence = 3\nenforce_for_root\n' |
        put /etc/security/pwquality.conf 644
    printf 'auth required pam_wheel.so use_uid group=sudo\n' >> "$root/etc/pam.d/su"
    sed -i -e 's/^PASS_MAX_DAYS.*/PASS_MAX_DAYS 365/' -e 's/^PASS_MIN_DAYS.*/PASS_MIN_DAYS 1/' \
        -e 's/^ENCRYPT_METHOD.*/ENCRYPT_METHOD YESCRYPT/' -e 's/^UMASK.*/UMASK 027/' "$root/etc/login.defs"
    sed -i '/^INACTIVE/d' "$root/etc/default/useradd"
    printf 'INACTIVE=30\n' >> "$root/etc/default/useradd"
    printf 'umask 027\nreadonly TMOUT=900 ; export TMOUT\n' | put /etc/profile.d/60-hardening.sh 644
    sed -i '/nologin/d' "$root/etc/shells"
    printf 'root\n' | put /etc/cron.allow 640
    rm -f "$root/etc/cron.deny"
    for folder in hourly daily weekly monthly yearly d; do
        [ ! -d "$root/etc/cron.$folder" ] || chmod 700 "$root/etc/cron.$folder"
    done
    chmod 600 "$root/etc/crontab"
    printf '[Journal]\nStorage=persistent\nCompress=yes\nForwardToSyslog=yes\n' | put /etc/systemd/journald.conf.d/60-hardening.conf 644
    printf '$FileCreateMode 0640\n' | put /etc/rsyslog.d/10-hardening.conf 644
    find "$root/var/log" -type f ! -name 'wtmp*' ! -name 'btmp*' ! -name 'lastlog*' -exec chmod u-x,g-wx,o-rwx {} +
    printf 'server 192.0.2.1 iburst\n' | put /etc/chrony/sources.d/local.sources 644

    put /etc/nftables.conf 755 <<'EOF'
#!/usr/sbin/nft -f
flush ruleset
table inet filter {
    chain input {
        type filter hook input priority filter; policy drop;
        iif "lo" accept
        ip saddr 127.0.0.0/8 counter drop
        ct state established,related accept
        tcp dport 22 accept
    }
    chain forward { type filter hook forward priority filter; policy drop; }
    chain output { type filter hook output priority filter; policy accept; }
}
EOF
    wants="$root/etc/systemd/system/sysinit.target.wants"
    mkdir -p "$wants"
    ln -sf /lib/systemd/system/nftables.service "$wants/nftables.service"

    mkdir -p "$root/etc/audit/rules.d"
    {
        both() { echo "-a always,exit -F arch=b64 $1"; echo "-a always,exit -F arch=b32 $1"; }
        people='-F auid>=1000 -F auid!=unset'
        for path in /etc/sudoers /etc/sudoers.d /var/log/sudo.log /etc/localtime /etc/issue /etc/issue.net /etc/hosts /etc/passwd \
            /etc/group /etc/shadow /etc/gshadow /etc/security/opasswd /etc/nsswitch.conf /etc/pam.d /var/run/utmp /var/log/wtmp \
            /var/log/btmp /var/log/lastlog /var/run/faillock /etc/apparmor /etc/apparmor.d; do
            echo "-w $path -p wa -k watched"
        done
        both '-C euid!=uid -F auid!=unset -S execve -k user_emulation'
        both '-S adjtimex,settimeofday,clock_settime -k time-change'
        both '-S sethostname,setdomainname -k system-locale'
        both "-S creat,open,openat,truncate,ftruncate -F exit=-EACCES $people -k access"
        both "-S creat,open,openat,truncate,ftruncate -F exit=-EPERM $people -k access"
        both "-S chmod,fchmod,fchmodat,chown,fchown,fchownat,lchown $people -k perm_mod"
        both "-S setxattr,lsetxattr,fsetxattr,removexattr,lremovexattr,fremovexattr $people -k perm_mod"
        both "-S mount $people -k mounts"
        both "-S unlink,unlinkat,rename,renameat $people -k delete"
        both "-S init_module,finit_module,delete_module $people -k kernel_modules"
        for program in /usr/bin/chcon /usr/bin/setfacl /usr/bin/chacl /usr/sbin/usermod /usr/bin/kmod; do
            echo "-a always,exit -F path=$program -F perm=x $people -k programs"
        done
        find "$root" -xdev -type f \( -perm -4000 -o -perm -2000 \) | sed "s|^$root||" | while read -r program; do
            echo "-a always,exit -F path=$program -F perm=x $people -k privileged"
        done
        echo '-e 2'
    } | put /etc/audit/rules.d/60-hardening.rules 640
    rm -f "$root/etc/audit/rules.d/audit.rules"
    sed -i -e 's/^max_log_file_action.*/max_log_file_action = keep_logs/' -e 's/^space_left_action.*/space_left_action = email/' \
        -e 's/^admin_space_left_action.*/admin_space_left_action = halt/' -e 's/^disk_full_action.*/disk_full_action = halt/' \
        -e 's/^disk_error_action.*/disk_error_action = syslog/' "$root/etc/audit/auditd.conf"
    chmod 640 "$root/etc/audit/auditd.conf"
    for tool in auditctl auditd augenrules aureport ausearch autrace; do
        echo "/usr/sbin/$tool p+i+n+u+g+s+b+acl+xattrs+sha512"
    done | put /etc/aide/aide.conf.d/99_audit_tools 644
}

case $step in
packages) packages ;;
settings) settings ;;
*) echo "unknown step $step" >&2; exit 2 ;;
esac
