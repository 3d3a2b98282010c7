#include "jobs/held_directory.hpp"

#include "archive/output_directory.hpp"

#include <fmt/format.h>

#include <system_error>
#include <utility>

namespace gantry::jobs {
namespace {

class store_or_directory final : public model::blob_source {
 public:
  store_or_directory(std::shared_ptr<store::content_store> store, std::unique_ptr<archive::image_source> directory)
      : store_(std::move(store)), directory_(std::move(directory)) {}

  result<std::unique_ptr<model::blob_reader>> open(const descriptor& blob) override {
    return store_->holds(blob) ? store_->open(blob) : directory_->open(blob);
  }

 private:
  std::shared_ptr<store::content_store> store_;
  std::unique_ptr<archive::image_source> directory_;
};

}  // namespace

result<held_images> read_directory(const std::filesystem::path& path, const std::atomic<bool>& stop) {
  held_images held;
  if (const result<void> fine = archive::output_directory::check(path); !fine) return fine.error();
  std::error_code ec;
  if (!std::filesystem::exists(path, ec) || std::filesystem::is_empty(path, ec)) return held;
  const auto opened = archive::open_image_source(path, {}, stop);
  if (!opened) return opened.error();
  for (const archive::source_image& one : (*opened)->images()) {
    for (const reference& name : one.content.names) {
      archive::archived_image image = one.content;
      image.names.assign(1, name);
      held.named.emplace(name, std::move(image));
    }
    if (!one.content.names.empty()) continue;
    held.nameless.push_back(one.tags.empty() ? one.content.top.digest.string() : fmt::format("the image {}", one.tags.front()));
  }
  return held;
}

std::shared_ptr<model::blob_source> store_and_directory(std::shared_ptr<store::content_store> store,
                                                        std::unique_ptr<archive::image_source> directory) {
  return std::make_shared<store_or_directory>(std::move(store), std::move(directory));
}

}  // namespace gantry::jobs
