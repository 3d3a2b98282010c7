#include "puller.hpp"

#include "failure_report.hpp"
#include "loader.hpp"
#include "naming.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <set>
#include <system_error>
#include <utility>

namespace gantry::app {
namespace {

std::string title_of(const std::vector<reference>& images) {
  std::string title = images.front().familiar();
  if (images.size() > 1) title += fmt::format(" and {} more", images.size() - 1);
  return title;
}

/// Whether what was fetched is of use to the next run. Without the store that takes a plain file, which is filled in place.
bool keeps_parts(const pull_step& step, archive_format format) {
  const bool plain = !step.gzip && (format == archive_format::docker || format == archive_format::oci);
  return !step.no_cache || (plain && (step.to == destination::file || step.to == destination::named));
}

}  // namespace

pull_answer puller::pull(const std::vector<reference>& images, const pull_step& step, archive_target target) {
  pull_options options;
  // The first of the two steps of destination::each only fills the store.
  if (!std::holds_alternative<store_only>(target)) {
    options.have.assign(step.have.begin(), step.have.end());
    options.attestations = arguments_.attestations;
  }
  options.output = std::move(target);
  options.platforms = step.platforms;
  options.all_platforms = step.all_platforms;
  options.offline = arguments_.offline || step.held;
  options.recompress = arguments_.recompress;
  options.name = arguments_.name;
  options.no_cache = step.no_cache;
  return session_.pull(engine_, images, std::move(options), title_of(images));
}

std::string puller::name_of(const reference& image, const std::vector<platform>& platforms, const pull_step& step) const {
  return output_name(arguments_.name.empty() ? image : arguments_.name, platforms, format_, step.gzip);
}

void puller::run(const pull_step& step) {
  if (step.to == destination::loader) {
    run_loader(step);
  } else if (step.images.size() == 1) {
    run_single(step);
  } else {
    run_together(step);
  }
}

bool puller::fall_back(const error_code& ec, const image_request& request) {
  if (ec != make_error_code(errc::not_found) || !request.fallback) return false;
  console_.note(fmt::format("{} is not there, trying {}", request.image.string(), request.fallback->string()));
  return true;
}

void puller::run_single(const pull_step& step) {
  const image_request& request = step.images.front();
  std::string path = step.path.string();
  const auto attempt = [&](const reference& image) {
    if (step.to == destination::stream) return pull(std::vector<reference>(1, image), step, archive_stream{1, format_, step.gzip});
    if (step.to == destination::file || step.to == destination::named) {
      return pull(std::vector<reference>(1, image), step, archive_file{path, format_, step.gzip});
    }
    return pull(std::vector<reference>(1, image), step, store_only{});
  };
  reference image = request.image;
  pull_answer answer = attempt(image);
  if (fall_back(answer.ec, request)) {
    image = *request.fallback;
    if (step.to == destination::named) {
      const std::vector<platform> platforms = step.platforms.empty() ? std::vector<platform>(1, platform::host()) : step.platforms;
      path = (step.path.parent_path() / name_of(image, platforms, step)).string();
    }
    answer = attempt(image);
  }
  if (answer.ec) return fail(answer, image, keeps_parts(step, format_));
  add_totals(answer.result);
  if (step.to == destination::each) return export_each(step, answer.result);
  if (step.to == destination::named) path = settle_path(step, image, path, answer.result);
  add_outputs(answer.result, step.to == destination::file || step.to == destination::named ? path : std::string());
}

/// Whether the failure of several images at once may be that of one of them, so that the others can go on without it.
bool may_be_of_one(const error_code& ec) {
  for (const condition kind :
       {condition::not_found, condition::not_authorised, condition::failed, condition::integrity, condition::rate_limited}) {
    if (ec == make_error_condition(kind)) return true;
  }
  return false;
}

// In one operation nobody could tell which of several images is not there: those with a second name are looked up one by one, on the way
// into the store. Without the store an image is what its name says.
std::optional<std::vector<reference>> puller::settle_names(const pull_step& step) {
  std::vector<reference> images;
  for (const auto& request : step.images) {
    images.push_back(request.image);
    if (!request.fallback || step.no_cache) continue;
    const pull_answer answer = pull(std::vector<reference>(1, request.image), step, store_only{});
    if (fall_back(answer.ec, request)) {
      images.back() = *request.fallback;
    } else if (answer.ec) {
      fail(answer, request.image);
      if (step.to != destination::file || session_.stopped()) return std::nullopt;
      images.pop_back();
    } else {
      summary_.totals.bytes_received += answer.result.bytes_received;
    }
  }
  if (images.empty()) return std::nullopt;
  return images;
}

std::vector<reference> puller::bring_singly(const std::vector<reference>& images, const pull_step& step) {
  std::vector<reference> there;
  for (const reference& image : images) {
    const pull_answer answer = pull(std::vector<reference>(1, image), step, store_only{});
    if (answer.ec) {
      fail(answer, image);
    } else {
      add_totals(answer.result);
      there.push_back(image);
    }
    if (session_.stopped()) break;
  }
  return there;
}

void puller::run_together(const pull_step& step) {
  auto images = settle_names(step);
  if (!images) return;
  archive_target target = store_only{};
  if (step.to == destination::file) target = archive_file{step.path, format_, step.gzip};
  if (step.to == destination::stream) target = archive_stream{1, format_, step.gzip};
  pull_answer answer = pull(*images, step, target);
  // Of a file nothing is written yet; a stream may be half way out, and without the store nothing of the others is kept.
  bool singly = false;
  const bool goes_on = step.to == destination::file && !step.no_cache && may_be_of_one(answer.ec) && !session_.stopped();
  if (answer.ec && goes_on) {
    singly = true;
    // They are resolved in their order: the one whose name failed need not be asked for again. What is read before that are lists of
    // --have.
    if (const std::size_t failed = session_.resolved(); failed < images->size() && step.have.empty()) {
      fail(answer, (*images)[failed]);
      images->erase(images->begin() + static_cast<std::ptrdiff_t>(failed));
    }
    images = bring_singly(*images, step);
    if (images->empty() || session_.stopped()) return;
    answer = pull(*images, step, std::move(target));
  }
  if (answer.ec) return fail(answer, title_of(*images), keeps_parts(step, format_));
  if (images->size() < step.images.size()) {
    console_.warn(
        fmt::format("{} has {} of the {} images; what failed is not in it", step.path.string(), images->size(), step.images.size()));
  }
  // What was fetched singly was counted then.
  if (singly) summary_.totals.archive_size += answer.result.archive_size;
  if (!singly) add_totals(answer.result);
  add_outputs(answer.result, step.to == destination::file ? step.path.string() : std::string());
}

/// Of a command that says that all is well, without having read the archive.
problem unread(const loader& command, const std::string& said) {
  return {exit_code::failed, fmt::format("'{}' ended without reading the archive to its end{}", command.command(),
                                         said.empty() ? "; it said nothing" : ": " + said)};
}

// The archive goes straight into the load command of an engine. That its pipe breaks is the command's doing: its words say why.
void puller::run_loader(const pull_step& step) {
  const auto images = settle_names(step);
  if (!images) return;
  auto started = loader::start(arguments_.load);
  if (!started) return fail(started.error());
  loader& command = **started;
  const pull_answer answer = pull(*images, step, archive_stream{command.descriptor(), format_, false});
  const bool abandoned = answer.ec == make_error_code(errc::storage_error) && command.abandoned();
  const auto loaded = command.finish([this] { return session_.poll_stopped(); });
  const bool pipe_broke = answer.ec == make_error_code(errc::storage_error);
  if (abandoned && loaded && !session_.stopped()) return fail(unread(command, *loaded));
  if (answer.ec && (loaded || !pipe_broke || session_.stopped())) return fail(answer, title_of(*images));
  if (!loaded) return fail(loaded.error());
  if (command.left_unread() && !session_.stopped()) return fail(unread(command, *loaded));
  if (!loaded->empty()) console_.note(fmt::format("{}: {}", command.command(), *loaded));
  add_totals(answer.result);
  add_outputs(answer.result, {});
}

// All platforms are in the store now: each goes into its archive without a request.
void puller::export_each(const pull_step& step, const pull_result& held) {
  std::set<std::filesystem::path> names;
  for (const auto& image : held.images) {
    const auto name = name_of(image.reference, std::vector<platform>(1, image.image_platform), step);
    if (names.insert(name).second) continue;
    failure_ = static_cast<int>(exit_code::usage);
    console_.error({failure_,
                    fmt::format("two platforms of {} would both be named {}", image.reference.string(), name),
                    {},
                    "put all platforms into one archive with -o FILE"});
    return;
  }
  for (const auto& image : held.images) {
    const std::vector<platform> wanted(1, image.image_platform);
    const std::string path = (step.path / name_of(image.reference, wanted, step)).string();
    pull_step one = step;
    one.platforms = wanted;
    one.all_platforms = false;
    // By its name: a digest beside it would be a name of its own, which the store then had to keep the content for.
    one.held = true;
    const pull_answer answer = pull(std::vector<reference>(1, image.reference), one, archive_file{path, format_, step.gzip});
    if (answer.ec) {
      fail(answer, path);
      if (session_.stopped()) return;
      continue;
    }
    summary_.totals.archive_size += answer.result.archive_size;
    add_outputs(answer.result, path);
  }
}

// A single manifest of another platform, pulled because none was asked for, is named after what it is.
std::string puller::settle_path(const pull_step& step, const reference& pulled, const std::string& path, const pull_result& result) {
  if (!step.platforms.empty() || result.images.size() != 1) return path;
  const std::filesystem::path current = path;
  const platform& actual = result.images.front().image_platform;
  const auto wanted = current.parent_path() / name_of(pulled, std::vector<platform>(1, actual), step);
  if (actual.architecture.empty() || wanted == current) return path;
  std::error_code ec;
  std::filesystem::rename(current, wanted, ec);
  if (!ec) return wanted.string();
  console_.warn(fmt::format("{} holds an image for {} but cannot be renamed: {}", path, to_string(actual), ec.message()));
  return path;
}

void puller::add_totals(const pull_result& result) {
  pull_result& sum = summary_.totals;
  sum.blobs += result.blobs;
  sum.bytes += result.bytes;
  sum.blobs_reused += result.blobs_reused;
  sum.bytes_reused += result.bytes_reused;
  sum.layers += result.layers;
  sum.layers_reused += result.layers_reused;
  sum.bytes_resumed += result.bytes_resumed;
  sum.bytes_received += result.bytes_received;
  sum.archive_size += result.archive_size;
  sum.store_size = result.store_size;
  for (const auto& image : result.images) counted_.insert(image.reference.string());
  summary_.images = counted_.size();
}

void puller::add_outputs(const pull_result& result, const std::string& path) {
  for (const auto& image : result.images) outputs_.push_back({path, image, result.archive_size});
  succeeded_ = true;
}

void puller::fail(const pull_answer& answer, const std::string& object, bool kept) {
  const int status = session_.fail(answer.ec, answer.text, object, kept);
  if (failure_ == 0 || session_.stopped()) failure_ = status;
  failures_.push_back({object, answer.text.message()});
}

void puller::fail(const pull_answer& answer, const reference& image, bool kept) {
  fail(answer, image.string(), kept);
  console_.failed(image);
}

void puller::fail(const problem& what) {
  if (failure_ == 0 || session_.stopped()) failure_ = static_cast<int>(what.code);
  console_.error(report_problem(what));
}

int puller::exit_status() const noexcept {
  if (failure_ == 0 || !succeeded_ || session_.stopped()) return failure_;
  return static_cast<int>(exit_code::partial);
}

}  // namespace gantry::app
