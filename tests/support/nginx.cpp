#include "support/nginx.hpp"

#include "support/servers.hpp"
#include "support/socket.hpp"
#include "support/temp_dir.hpp"

namespace gantry::test {

namespace fs = std::filesystem;

nginx_server::nginx_server(const fs::path& directory, const std::string& block, const std::optional<tls_identity>& identity)
    : directory_(directory), port_(unused_port()) {
  fs::create_directories(directory);
  const std::string at = directory.string();
  std::string tls;
  if (identity) {
    spill(directory / "server.pem", identity->certificate);
    spill(directory / "server.key", identity->key);
    tls = "ssl_certificate " + at + "/server.pem; ssl_certificate_key " + at + "/server.key;\n";
  }
  std::string temporary;
  for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
    temporary += std::string(kind) + "_temp_path " + at + "/" + kind + ";\n";
  }
  spill(directory / "nginx.conf",
        "daemon off;\nmaster_process off;\npid " + at + "/pid;\nerror_log " + at + "/error.log;\nevents {}\nhttp {\n" + temporary +
            "log_format short '$request_method $request_uri $status $body_bytes_sent \"$http_authorization\"';\naccess_log " + at +
            "/access.log short;\nserver {\nlisten 127.0.0.1:" + std::to_string(port_) + (identity ? " ssl" : "") + ";\n" + tls + block +
            "\n}\n}\n");
  const fs::path out = directory / "nginx.log";
  server_ = std::make_unique<child>(command{{"nginx", "-e", at + "/error.log", "-c", at + "/nginx.conf"}}, out);
  await_port(*server_, port_, out);
}

std::string nginx_server::log() const {
  const fs::path log = directory_ / "access.log";
  return fs::exists(log) ? slurp(log) : std::string();
}

std::string proxy_to(const std::string& registry) {
  return "location / { proxy_pass http://" + registry +
         "; proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto $scheme; proxy_buffering off; }";
}

}  // namespace gantry::test
