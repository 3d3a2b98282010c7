#include "faults/disk/ordeal.hpp"

#include "support/catch.hpp"
#include "support/finding.hpp"
#include "support/process.hpp"
#include "support/store_check.hpp"
#include "support/temp_dir.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <set>

namespace gantry::test {
namespace {

namespace fs = std::filesystem;

bool in_full() {
  const char* wanted = std::getenv("GANTRY_FAULTS");
  return wanted != nullptr && std::string(wanted) == "full";
}

/// Of so many calls as many go wrong when only a sample is taken.
constexpr unsigned sample_size = 3;

/// What a file or a directory tree holds, by name.
std::optional<std::map<std::string, std::string>> content_of(const fs::path& path) {
  if (!fs::exists(path)) return std::nullopt;
  std::map<std::string, std::string> all;
  if (!fs::is_directory(path)) {
    all[""] = slurp(path);
    return all;
  }
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path)) {
    if (entry.is_regular_file()) all[entry.path().lexically_relative(path).string()] = slurp(entry.path());
  }
  return all;
}

std::map<std::string, std::optional<std::string>> shim(const fs::path& below, const fs::path& log, unsigned at, const std::string& how,
                                                       bool lasting, const fs::path& keep) {
  return {{"LD_PRELOAD", GANTRY_FAULT_SHIM},   {"GANTRY_FAULT_BELOW", below.string()},
          {"GANTRY_FAULT_LOG", log.string()},  {"GANTRY_FAULT_AT", std::to_string(at)},
          {"GANTRY_FAULT_HOW", how},           {"GANTRY_FAULT_COUNT", lasting ? "0" : "1"},
          {"GANTRY_FAULT_KEEP", keep.string()}};
}

unsigned lines_of(const fs::path& log) {
  const std::string text = fs::exists(log) ? slurp(log) : std::string();
  return static_cast<unsigned>(std::count(text.begin(), text.end(), '\n'));
}

/// The line of the first call that went wrong by \p how; empty when none did.
std::string injected_line(const fs::path& log, const std::string& how) {
  std::ifstream in(log);
  for (std::string line; std::getline(in, line);) {
    if (line.ends_with(" <- " + how)) return line;
  }
  return {};
}

/// Whether the line is that of a call with which something is removed, or with which the C++ library opens a directory to empty it.
bool is_tidying(const std::string& line) {
  const std::string name = line.substr(line.find(' ') + 1);
  return name.starts_with("unlink ") || name.starts_with("opendir ") || name.starts_with("openat ");
}

/// Blobs that are in the store under their names.
std::set<std::string> held_blobs(const fs::path& store) {
  std::set<std::string> held;
  const fs::path directory = store / "blobs" / "sha256";
  if (!fs::exists(directory)) return held;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory)) held.insert("sha256:" + entry.path().filename().string());
  return held;
}

std::string report_line(const ordeal& what, const std::string& how, bool lasting, const ordeal_count& count) {
  return fmt::format("{:<28} {:<6} {:<5} calls {:>4}  injected {:>4}  endured {:>4}  checks {:>5}\n", what.name, how,
                     lasting ? "stays" : "once", count.calls, count.injected, count.endured, count.checks);
}

class trial {
 public:
  trial(const ordeal& what, std::string how, bool lasting) : what_(what), how_(std::move(how)), lasting_(lasting) {
    if (what_.prepare) what_.prepare(before_);
    for (const std::string& name : what_.outputs) old_[name] = content_of(before_ / name);
  }

  ordeal_count run() {
    {
      const workplace place;
      fill(place);
      const temp_dir aside;
      const outcome whole = place.run(what_.words, shim(place.path(), aside / "log", 0, how_, false, {}));
      INFO(whole.err);
      REQUIRE(whole.ok());
      count_.calls = lines_of(aside / "log");
      for (const std::string& name : what_.outputs) new_[name] = content_of(place / name);
    }
    // Who writes nothing can write no half of it.
    if (count_.calls == 0 && how_ == "SHORT") return count_;
    REQUIRE(count_.calls > 0);
    for (const unsigned at : chosen_calls()) inject(at);
    // Threads take turns as they like, and a run may end before the call that was meant; not all may.
    CHECK(count_.injected > 0);
    return count_;
  }

 private:
  void fill(const workplace& place) const {
    fs::copy(before_.path(), place.path(), fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    if (!fs::exists(place.store())) return;
    // A copy makes what is read-only in the store writable for nobody else, and older than it is.
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(place.store())) {
      if (entry.is_regular_file())
        fs::last_write_time(entry.path(), fs::last_write_time(before_.path() / entry.path().lexically_relative(place.path())));
    }
  }

  std::set<unsigned> chosen_calls() const {
    const unsigned step = in_full() ? 1 : std::max(1U, count_.calls / sample_size);
    // A sample begins elsewhere for each kind of fault, so that together they meet many calls.
    const unsigned start = in_full() ? 0 : static_cast<unsigned>(std::hash<std::string>()(how_ + what_.name) % step);
    std::set<unsigned> chosen;
    for (unsigned at = 1 + start; at <= count_.calls; at += step) chosen.insert(at);
    // When nearly all is done, most must be on the disk. Of two calls one at least loses all names.
    if (how_ == "CUTALL") chosen.insert({std::max(1U, count_.calls - 1), count_.calls});
    return chosen;
  }

  /// \param over whether a run of the command has succeeded
  void check(const workplace& place, bool over, bool parts_allowed) {
    ++count_.checks;
    CHECK(store_problems(place.store(), parts_allowed) == "");
    for (const std::string& name : what_.outputs) {
      const auto there = content_of(place / name);
      const bool whole = there == new_[name];
      const bool as_before = there == old_[name];
      CHECK(finding(whole || (!over && as_before) ? "" : name + " is neither whole nor what it was") == "");
    }
  }

  /// Files beside the store that are no outputs.
  std::string strangers(const workplace& place) const {
    std::string problems;
    for (const std::string& name : place.files()) {
      // Made or removed when the program was killed: empty, without a lock, and gone with the first operation an hour later.
      if (name.starts_with(".gantry-store-") && fs::is_empty(place / name)) continue;
      const bool known =
          before_.files().contains(name) || std::find(what_.outputs.begin(), what_.outputs.end(), name) != what_.outputs.end();
      if (!known) problems += name + " was left behind\n";
    }
    return problems;
  }

  void inject(unsigned at) {
    const workplace place;
    fill(place);
    const temp_dir aside;
    fs::create_directory(aside / "keep");
    // On the file system of the store, since what is removed is kept by a link.
    const auto environment = shim(place.path(), aside / "log", at, how_, lasting_, aside / "keep");
    const outcome hurt = place.run(what_.words, environment);
    const std::string hit = injected_line(aside / "log", how_);
    INFO(what_.name << ", " << how_ << (lasting_ ? " from call " : " at call ") << at << ": " << (hit.empty() ? "not reached" : hit));
    INFO("exit " << hurt.status << ", signal " << hurt.signal << ": " << hurt.err);
    CHECK_FALSE(hurt.timed_out);
    const bool killed = !hit.empty() && (how_ == "KILL" || how_ == "LATE" || how_ == "CUT" || how_ == "CUTALL");
    CHECK(hurt.signal == (killed ? SIGKILL : 0));
    if (!hit.empty()) ++count_.injected;
    if (!hit.empty() && hurt.ok()) ++count_.endured;
    if (hurt.signal == 0 && !hurt.ok()) {
      // Local trouble is told as such.
      CHECK(hurt.status == 7);
      CHECK(hurt.err.find("gantry: ") != std::string::npos);
    }
    check(place, hurt.ok(), true);

    const std::set<std::string> held = held_blobs(place.store());
    if (what_.source != nullptr) what_.source->forget_requests();
    const outcome again = place.run(what_.words);
    INFO("rerun: exit " << again.status << ", signal " << again.signal << ": " << again.err);
    CHECK(again.ok());
    // What a process that is no more had begun, or could not remove, nobody looks for before the next clean-up.
    check(place, true, killed || lasting_ || is_tidying(hit));
    if (what_.finish) what_.finish(place);
    CHECK(finding(strangers(place)) == "");
    fetch_again(place, held);
    CHECK(place.problems_after_clean() == "");
  }

  /// \param held what the store had before the rerun, which is over
  void fetch_again(const workplace& place, const std::set<std::string>& held) {
    if (what_.source == nullptr) return;
    for (const std::string& digest : what_.blobs) {
      const std::size_t asked = what_.source->count("/blobs/" + digest);
      const bool needless = asked != 0 && held.contains(digest) && !what_.second_fetches;
      CHECK(finding(needless ? digest + " is in the store and was fetched by the rerun" : "") == "");
      CHECK(asked <= 2);
    }
    if (what_.second_fetches) return;
    what_.source->forget_requests();
    const outcome third = place.run(what_.words);
    CHECK(third.ok());
    CHECK(what_.source->count("/blobs/") == 0);
  }

  const ordeal& what_;
  std::string how_;
  bool lasting_;
  workplace before_;
  std::map<std::string, std::optional<std::map<std::string, std::string>>> old_;
  std::map<std::string, std::optional<std::map<std::string, std::string>>> new_;
  ordeal_count count_;
};

}  // namespace

ordeal_count endure(const ordeal& what, const std::string& how, bool lasting) {
  const ordeal_count count = trial(what, how, lasting).run();
  if (const char* report = std::getenv("GANTRY_FAULT_REPORT")) {
    std::ofstream(report, std::ios::app) << report_line(what, how, lasting, count);
  }
  return count;
}

}  // namespace gantry::test
