#include "support/proxies.hpp"

#include "support/socket.hpp"
#include "support/temp_dir.hpp"

#include <chrono>
#include <thread>

#include <unistd.h>

namespace gantry::test {
namespace {

namespace fs = std::filesystem;
using clock = std::chrono::steady_clock;

std::string text_with(const fs::path& file, const std::string& word) {
  const auto deadline = clock::now() + std::chrono::seconds(10);
  for (;;) {
    std::string text = fs::exists(file) ? slurp(file) : std::string();
    if (text.find(word) != std::string::npos || clock::now() > deadline) return text;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace

squid_proxy::squid_proxy(const fs::path& directory) : directory_(directory), port_(unused_port()), https_port_(unused_port()) {
  fs::create_directories(directory);
  // Started by root, squid becomes another user.
  fs::permissions(directory, fs::perms::all);
  fs::permissions(directory.parent_path(), fs::perms::group_exec | fs::perms::others_exec, fs::perm_options::add);
  certificates_ = make_certificates(directory);
  fs::permissions(certificates_.key, fs::perms::others_read, fs::perm_options::add);
  spill(directory / "users", run_or_throw({{"htpasswd", "-niB", "-C4", username}, {}, {}, std::string(password) + "\n"}));
  spill(directory / "hosts", "127.0.0.1 registry.test\n");
  const std::string at = directory.string();
  spill(directory / "squid.conf",
        "auth_param basic program /usr/lib/squid/basic_ncsa_auth " + at + "/users\n" +
            "acl known proxy_auth REQUIRED\nhttp_access allow known\nhttp_access deny all\n" +
            "http_port 127.0.0.1:" + std::to_string(port_) + "\n" +  //
            "https_port 127.0.0.1:" + std::to_string(https_port_) + " tls-cert=" + certificates_.certificate.string() +
            " tls-key=" + certificates_.key.string() + "\n" +  //
            "visible_hostname squid.test\npid_filename none\ncache deny all\npinger_enable off\nshutdown_lifetime 0 seconds\n" +
            "hosts_file " + at + "/hosts\naccess_log stdio:" + at + "/access.log\nlog_mime_hdrs on\ncache_log " + at +
            "/cache.log\ncoredump_dir " + at + "\n");
  const fs::path out = directory / "squid.log";
  server_ = std::make_unique<child>(command{{"squid", "-N", "-n", service_name(), "-f", at + "/squid.conf"}}, out);
  await_port(*server_, port_, out);
  await_port(*server_, https_port_, out);
}

squid_proxy::~squid_proxy() {
  server_.reset();
  // Its shared memory, under a name of its own so that squids do not meet; who is killed leaves it.
  std::error_code ec;
  for (const fs::directory_entry& one : fs::directory_iterator("/dev/shm", ec)) {
    if (one.path().filename().string().starts_with(service_name() + "-")) fs::remove(one.path(), ec);
  }
}

std::string squid_proxy::with_credentials(const std::string& scheme, std::uint16_t port) {
  return scheme + "://" + username + ":" + password + "@127.0.0.1:" + std::to_string(port);
}

std::string squid_proxy::log(const std::string& word) const { return text_with(directory_ / "access.log", word); }

socks_server::socks_server(const fs::path& directory, bool closed) : log_(directory / "danted.log"), port_(unused_port()) {
  fs::create_directories(directory);
  const std::string method = closed ? "username" : "none";
  spill(directory / "danted.conf", "logoutput: " + log_.string() + "\ninternal: 127.0.0.1 port = " + std::to_string(port_) +
                                       "\nexternal: 127.0.0.1\nclientmethod: none\nsocksmethod: " + method +
                                       (closed ? "\nuser.privileged: root\n" : "\n") +
                                       "client pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }\n"
                                       "socks pass { from: 127.0.0.0/8 to: 0.0.0.0/0\n  log: connect }\n");
  const fs::path out = directory / "danted.out";
  std::vector<std::string> words{"danted", "-f", (directory / "danted.conf").string()};
  // What it sees below /etc is a mount namespace's of its own.
  std::string script = "mount --make-rprivate /";
  const auto shows = [&](const std::string& name, const std::string& text) {
    spill(directory / name, text);
    script += " && mount --bind \"$0/" + name + "\" /etc/" + name;
  };
  if (::geteuid() == 0) shows("hosts", "127.0.0.1 localhost registry.test\n");
  if (closed) {
    std::string secret = run_or_throw({{"openssl", "passwd", "-6", password}});
    while (secret.ends_with('\n')) secret.pop_back();
    const std::string user(username);
    shows("passwd", slurp("/etc/passwd") + user + ":x:4321:4321::/nonexistent:/usr/sbin/nologin\n");
    shows("shadow", user + ":" + secret + ":19000:0:99999:7:::\n");
  }
  if (::geteuid() == 0) words.insert(words.begin(), {"unshare", "-m", "sh", "-c", script + " && exec \"$@\"", directory.string()});
  server_ = std::make_unique<child>(command{std::move(words)}, out);
  await_port(*server_, port_, out);
}

std::string socks_server::log(const std::string& word) const { return text_with(log_, word); }

}  // namespace gantry::test
