#include "support/upload_content.hpp"

#include "support/image_builder.hpp"
#include "support/sha256.hpp"

#include <cstddef>
#include <cstdlib>

namespace gantry::test {
namespace {

std::string unescape(std::string text) {
  for (std::size_t at = 0; (at = text.find("%3A", at)) != std::string::npos;) text.replace(at, 3, ":");
  for (std::size_t at = 0; (at = text.find("%2F", at)) != std::string::npos;) text.replace(at, 3, "/");
  return text;
}

std::string query(const std::string& target, const std::string& name) {
  const std::size_t at = target.find(name + "=");
  if (at == std::string::npos) return {};
  const std::size_t begin = at + name.size() + 1;
  return unescape(target.substr(begin, target.find('&', begin) - begin));
}

std::string repository_of(const std::string& target, const std::string& mark) { return target.substr(4, target.find(mark) - 4); }

/// The digest of the subject; empty when there is none.
std::string subject_of(const std::string& manifest) {
  const std::size_t at = manifest.find("\"subject\"");
  const std::size_t begin = at == std::string::npos ? at : manifest.find("sha256:", at);
  return begin == std::string::npos ? std::string() : manifest.substr(begin, 7 + 64);
}

std::string head_or_whole(const fake_request& request, const std::string& fields, const std::string& bytes) {
  const std::string whole = upload_reply(200, fields, bytes);
  return request.method == "HEAD" ? whole.substr(0, whole.size() - bytes.size()) : whole;
}

}  // namespace

std::string upload_reply(unsigned status, const std::string& headers, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) + " Said\r\n" + headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

std::string asked_repository(const fake_request& request) {
  const std::string path = request.path();
  for (const char* const mark : {"/manifests/", "/referrers/", "/tags/", "/blobs/"}) {
    if (path.find(mark) != std::string::npos) return repository_of(path, mark);
  }
  return {};
}

bool upload_content::fits(const fake_request& request) const {
  const std::string range = request.header("content-range");
  const auto there = sessions.find(request.path());
  return there != sessions.end() && (range.empty() || std::strtoull(range.c_str(), nullptr, 10) == there->second.size());
}

std::string upload_content::stored_part(const fake_request& request, bool fits) {
  const auto session = sessions.find(request.path());
  if (session == sessions.end()) return upload_reply(404, "Content-Type: text/plain\r\n");
  const std::string location =
      "Location: " + session->first + "\r\nRange: 0-" + std::to_string(session->second.empty() ? 0 : session->second.size() - 1) + "\r\n";
  if (!fits) return upload_reply(416, location);
  if (request.method == "PATCH") return upload_reply(202, location);
  const std::string digest = query(request.target, "digest");
  std::string bytes = std::move(session->second);
  sessions.erase(session);
  if (!believes && sha256_of(bytes) != digest) return upload_reply(400);
  blobs[digest] = std::move(bytes);
  held.emplace(repository_of(request.target, "/blobs/"), digest);
  return upload_reply(201);
}

std::string upload_content::other(const fake_request& request, const std::string& body) {
  const std::string path = request.path();
  if (path == "/v2/") return upload_reply(200);
  if (path.find("/referrers/") != std::string::npos) return lists_referrers ? referrers(path) : upload_reply(404);
  if (path.find("/manifests/") != std::string::npos) {
    const std::string key = path.substr(4);
    if (request.method == "PUT") {
      manifests[key] = {request.header("content-type"), body};
      manifests[key.substr(0, key.find("/manifests/") + 11) + sha256_of(body)] = manifests[key];
      names_written.insert(key.substr(0, key.find("/manifests/")) + ":" + key.substr(key.find("/manifests/") + 11));
      std::string fields = "Docker-Content-Digest: " + sha256_of(body) + "\r\n";
      if (const std::string subject = subject_of(body); lists_referrers && !subject.empty()) fields += "OCI-Subject: " + subject + "\r\n";
      return upload_reply(201, fields);
    }
    const auto found = manifests.find(key);
    if (found == manifests.end()) return upload_reply(404);
    if (request.method == "DELETE") return deleted(key);
    const std::string fields =
        "Content-Type: " + found->second.type + "\r\nDocker-Content-Digest: " + sha256_of(found->second.bytes) + "\r\n";
    return head_or_whole(request, fields, found->second.bytes);
  }
  if (path.ends_with("/tags/list")) return tags(repository_of(path, "/tags/"));
  const std::string repository = repository_of(path, "/blobs/");
  if (request.method == "POST") {
    const std::string mount = query(request.target, "mount");
    if (!mount.empty() && held.contains({query(request.target, "from"), mount})) {
      held.emplace(repository, mount);
      return upload_reply(201);
    }
    const std::string session = "/v2/" + repository + "/blobs/uploads/" + std::to_string(++opened);
    sessions[session] = {};
    return upload_reply(202, "Location: " + session + "\r\n" + session_fields);
  }
  if (path.find("/blobs/uploads/") != std::string::npos) {
    const auto session = sessions.find(path);
    if (session == sessions.end()) return upload_reply(404);
    if (request.method == "DELETE") {
      sessions.erase(session);
      return upload_reply(204);
    }
    const std::size_t size = session->second.size();
    return "HTTP/1.1 204 Said\r\nLocation: " + path + "\r\nRange: 0-" + std::to_string(size == 0 ? 0 : size - 1) + "\r\n\r\n";
  }
  const std::string digest = path.substr(path.rfind('/') + 1);
  if (!held.contains({repository, digest})) return upload_reply(404);
  return head_or_whole(request, "Content-Type: application/octet-stream\r\n", blobs[digest]);
}

std::string upload_content::deleted(const std::string& key) {
  const bool by_digest = key.find("/manifests/sha256:") != std::string::npos;
  if (!by_digest && !deletes_by_tag) return upload_reply(405);
  const std::string repository = key.substr(0, key.find("/manifests/") + 1);
  const std::string bytes = manifests[key].bytes;
  std::erase_if(manifests, [&](const auto& one) {
    return one.first == key || (by_digest && one.first.starts_with(repository) && one.second.bytes == bytes);
  });
  return upload_reply(202);
}

std::string upload_content::tags(const std::string& repository) {
  const std::string front = repository + "/manifests/";
  std::string list;
  for (const auto& [key, one] : manifests) {
    if (!key.starts_with(front) || key.find(':') != std::string::npos) continue;
    list += (list.empty() ? "\"" : ",\"") + key.substr(front.size()) + "\"";
  }
  const std::string next = tags_in_circles ? "Link: </v2/" + repository + "/tags/list?last=x>; rel=\"next\"\r\n" : "";
  return upload_reply(200, "Content-Type: application/json\r\n" + next, "{\"name\":\"" + repository + "\",\"tags\":[" + list + "]}");
}

std::string upload_content::referrers(const std::string& path) {
  const std::string subject = path.substr(path.rfind('/') + 1);
  const std::string repository = repository_of(path, "/referrers/");
  std::map<std::string, std::string> entries;  // by digest: a manifest may have several names
  for (const auto& [key, one] : manifests) {
    if (!key.starts_with(repository + "/manifests/") || subject_of(one.bytes) != subject) continue;
    const test_blob blob = test_blob::of(one.type, one.bytes);
    entries[blob.digest] = "{" + blob.descriptor_members() + "}";
  }
  std::string list;
  for (const auto& [digest, entry] : entries) list += (list.empty() ? "" : ",") + entry;
  return upload_reply(200, "Content-Type: application/vnd.oci.image.index.v1+json\r\n",
                      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[)" + list + "]}");
}

}  // namespace gantry::test
