#include "support/store_check.hpp"

#include "support/finding.hpp"
#include "support/process.hpp"
#include "support/sha256.hpp"
#include "support/temp_dir.hpp"

#include <boost/json/parse.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

namespace gantry::test {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

std::vector<fs::path> files_below(const fs::path& top) {
  std::vector<fs::path> files;
  if (!fs::exists(top)) return files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(top)) {
    if (!entry.is_directory()) files.push_back(entry.path());
  }
  return files;
}

bool is_temporary(const fs::path& path) { return path.filename().native().starts_with('.'); }

class checker {
 public:
  explicit checker(const fs::path& store) : store_(store) {}

  void run() {
    check_blobs();
    for (const fs::path& record : files_below(store_ / "refs")) check_record(record);
    check_index();
    for (const char* lock : {"locks/blobs", "locks/index", "gc.lock"}) {
      if (is_locked(store_ / lock)) complain(store_ / lock, "is still locked");
    }
    for (const fs::path& lease : files_below(store_ / "leases")) {
      if (is_locked(lease)) complain(lease, "is a lease that somebody still holds");
      left_behind(lease);
    }
    for (const fs::path& path : files_below(store_)) {
      if (is_temporary(path)) left_behind(path);
    }
    if (!fs::exists(store_ / "ingest")) return;
    for (const fs::directory_entry& entry : fs::directory_iterator(store_ / "ingest")) left_behind(entry.path());
  }

  /// What must never be.
  std::string problems;
  /// What nobody is working with.
  std::string leftovers;

 private:
  void complain(const fs::path& what, const std::string& why) { problems += what.string() + " " + why + "\n"; }
  void left_behind(const fs::path& what) { leftovers += what.string() + " was left behind\n"; }

  /// By the algorithm that the blob is named with.
  static std::string digest_of(const fs::path& blob) {
    if (blob.parent_path().filename() != "sha512") return sha256_of_file(blob);
    return "sha512:" + run_or_throw({{"sha512sum", blob.string()}}).substr(0, 128);
  }

  void check_blobs() {
    for (const fs::path& blob : files_below(store_ / "blobs")) {
      const std::string name = blob.parent_path().filename().string() + ":" + blob.filename().string();
      if (const std::string content = digest_of(blob); name != content) complain(blob, "hashes to " + content);
    }
  }

  fs::path blob(const std::string& digest) const {
    return store_ / "blobs" / digest.substr(0, digest.find(':')) / digest.substr(digest.find(':') + 1);
  }

  /// Whether the blob of a descriptor is there in the size that it names.
  bool check_descriptor(const fs::path& of, const json::value& descriptor) {
    const std::string digest(descriptor.at("digest").as_string());
    const fs::path path = blob(digest);
    if (!fs::exists(path)) {
      complain(of, "needs " + digest + ", which is missing");
      return false;
    }
    if (fs::file_size(path) == descriptor.at("size").to_number<std::uintmax_t>()) return true;
    complain(of, "needs " + digest + ", which has another size");
    return false;
  }

  void check_manifest(const fs::path& of, const json::value& descriptor) {
    if (!check_descriptor(of, descriptor)) return;
    const json::value document = json::parse(slurp(blob(std::string(descriptor.at("digest").as_string()))));
    if (const json::value* config = document.as_object().if_contains("config")) check_descriptor(of, *config);
    const json::value* layers = document.as_object().if_contains("layers");
    if (layers == nullptr) return;
    for (const json::value& layer : layers->as_array()) check_descriptor(of, layer);
  }

  void check_record(const fs::path& path) {
    if (is_temporary(path)) return;
    try {
      const json::value record = json::parse(slurp(path));
      check_descriptor(path, record.at("top"));
      for (const json::value& manifest : record.at("manifests").as_array()) check_manifest(path, manifest);
    } catch (const std::exception& error) {
      complain(path, std::string("cannot be read: ") + error.what());
    }
  }

  void check_index() {
    const fs::path path = store_ / "index.json";
    if (!fs::exists(path)) return;
    try {
      const json::value index = json::parse(slurp(path));
      for (const json::value& entry : index.at("manifests").as_array()) check_descriptor(path, entry);
    } catch (const std::exception& error) {
      complain(path, std::string("cannot be read: ") + error.what());
    }
  }

  const fs::path& store_;
};

}  // namespace

std::string store_problems(const fs::path& store, bool parts_allowed) {
  checker one(store);
  one.run();
  return finding(std::move(one.problems)) + (parts_allowed ? std::string() : one.leftovers);
}

std::set<std::string> stored_names(const fs::path& store) {
  std::set<std::string> names;
  for (const fs::path& path : files_below(store / "refs")) {
    if (!is_temporary(path)) names.emplace(json::parse(slurp(path)).at("reference").as_string());
  }
  return names;
}

std::uintmax_t stored_bytes(const fs::path& store) {
  std::uintmax_t sum = 0;
  for (const fs::path& blob : files_below(store / "blobs")) sum += fs::file_size(blob);
  return sum;
}

bool is_locked(const fs::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CLOEXEC);
  if (descriptor < 0) return false;
  struct flock request {};
  request.l_type = F_WRLCK;
  request.l_whence = SEEK_SET;
  const bool asked = ::fcntl(descriptor, F_OFD_GETLK, &request) == 0;
  ::close(descriptor);
  return asked && request.l_type != F_UNLCK;
}

}  // namespace gantry::test
