#include "jobs/layer_handover.hpp"

#include "archive/blob_check.hpp"
#include "archive/inflating_reader.hpp"
#include "archive/layer_facts.hpp"
#include "archive/sink.hpp"
#include "model/digester.hpp"
#include "model/image_config.hpp"

#include <fmt/format.h>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <atomic>
#include <exception>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace gantry::jobs {
namespace {

struct image_to_hand_over {
  streamed_image image;
  descriptor config;  ///< empty digest: none
};

/// Calls the sink, on one thread.
class layer_handover {
 public:
  layer_handover(layer_stream to, std::vector<image_to_hand_over> images, const std::atomic<bool>& stop)
      : sink_(std::move(to.sink)), inflate_(to.inflate), images_(std::move(images)), stop_(stop) {}

  result<std::uint64_t> run(model::blob_source& blobs) {
    std::set<digest> handed;
    for (image_to_hand_over& one : images_) {
      if (one.config.digest) {
        result<std::string> config = read_config(blobs, one.config);
        if (!config) return config.error();
        one.image.config = std::move(*config);
        if (inflate_) note_claims(one.image);
      }
      const auto begin = [&] { return sink_->begin_image(one.image); };
      if (const result<void> begun = call(begin, one.config.digest ? one.config : one.image.manifest); !begun) return begun.error();
      for (const descriptor& layer : one.image.layers) {
        if (!handed.insert(layer.digest).second) continue;
        if (const result<void> done = hand_over(blobs, layer); !done) return done.error();
      }
    }
    return passed_;
  }

 private:
  /// Whoever throws through us would end the process.
  template <class Function>
  static result<void> call(Function&& function, const descriptor& about) {
    const auto refused = [&about](error_code code, const std::string& why) {
      return failure(code, fmt::format("the receiver of {} failed: {}", about.digest.string(), why));
    };
    try {
      const error_code said = function();
      if (said) return refused(said, said.message());
      return {};
    } catch (const boost::system::system_error& error) {
      return refused(error.code() ? error.code() : make_error_code(errc::sink_failed), error.what());
    } catch (const std::exception& error) {
      return refused(make_error_code(errc::sink_failed), error.what());
    } catch (...) {
      return refused(make_error_code(errc::sink_failed), "it threw something that is no std::exception");
    }
  }

  static result<std::string> read_config(model::blob_source& blobs, const descriptor& config) {
    // DESIGN section 6: a configuration's cap.
    constexpr std::uint64_t most = std::uint64_t{8} << 20;
    if (config.size > most) {
      return failure(errc::limit_exceeded, fmt::format("configuration {} has {} bytes, more than the {} that are allowed",
                                                       config.digest.string(), config.size, most));
    }
    const auto opened = blobs.open(config);
    if (!opened) return opened.error();
    std::string bytes(static_cast<std::size_t>(config.size), '\0');
    const result<std::size_t> got = (*opened)->read_at(0, std::as_writable_bytes(std::span(bytes)));
    if (!got) return got.error();
    archive::blob_check check(config);
    check.observer()(std::as_bytes(std::span(bytes)));
    if (*got != bytes.size()) return archive::ended_early(**opened, *got);
    if (const result<void> fine = check.finish(); !fine) return fine.error();
    return bytes;
  }

  /// What the configuration says of inflated layers. That of an artifact says nothing.
  void note_claims(const streamed_image& image) {
    const result<model::image_config> config = model::parse_image_config(image.config);
    if (!config || config->diff_ids.size() != image.layers.size()) return;
    for (std::size_t layer = 0; layer < image.layers.size(); ++layer) {
      claims_.emplace(image.layers[layer].digest, config->diff_ids[layer]);
    }
  }

  result<void> hand_over(model::blob_source& blobs, const descriptor& layer) {
    const result<std::unique_ptr<model::blob_reader>> opened = blobs.open(layer);
    if (!opened) return opened.error();
    if (const result<void> begun = call([&] { return sink_->begin_layer(layer); }, layer); !begun) return begun.error();
    result<void> done = pass_on(layer, **opened);
    if (done) done = call([this] { return sink_->end_layer(); }, layer);
    if (!done) sink_->abandon_layer();
    return done;
  }

  result<void> pass_on(const descriptor& layer, model::blob_reader& from) {
    archive::blob_check check(layer);
    const archive::byte_observer observe = check.observer();
    const result<void> passed = inflate_ ? pass_inflated(layer, from, observe) : pass_raw(layer, from, observe);
    if (!passed) return passed;
    if (const result<void> fine = check.finish(); !fine) return fine;
    // Whoever stops us during the last bytes does not want to hear that the layer is complete.
    if (stopped()) return failure(errc::cancelled, "stopped");
    return {};
  }

  bool stopped() const { return stop_.load(std::memory_order_relaxed); }

  result<void> write(const descriptor& layer, std::span<const std::byte> bytes) {
    if (stopped()) return failure(errc::cancelled, "stopped");
    passed_ += bytes.size();
    return call([&] { return sink_->write(bytes); }, layer);
  }

  result<void> pass_raw(const descriptor& layer, model::blob_reader& from, const archive::byte_observer& observe) {
    for (std::uint64_t offset = 0; offset < from.size();) {
      const result<std::size_t> got = from.read_at(offset, buffer_.bytes());
      if (!got) return got.error();
      if (*got == 0) return archive::ended_early(from, offset);
      const std::span<const std::byte> bytes = buffer_.bytes().first(*got);
      observe(bytes);
      if (const result<void> written = write(layer, bytes); !written) return written;
      offset += *got;
    }
    return {};
  }

  result<void> pass_inflated(const descriptor& layer, model::blob_reader& from, const archive::byte_observer& observe) {
    const result<model::compression> kind = archive::sniff(from);
    if (!kind) return kind.error();
    archive::inflating_reader inflated(from, *kind, fmt::format("layer {}", layer.digest.short_form()));
    inflated.observe(observe);
    const auto claim = claims_.find(layer.digest);
    std::optional<model::digester> hash;
    if (claim != claims_.end()) hash.emplace(claim->second.algorithm());
    for (;;) {
      const result<std::size_t> got = inflated.read(buffer_.bytes());
      if (!got) return got.error();
      if (*got == 0) break;
      const std::span<const std::byte> bytes = buffer_.bytes().first(*got);
      if (hash) hash->update(bytes);
      if (const result<void> written = write(layer, bytes); !written) return written;
    }
    if (!hash) return {};
    const digest found = hash->finish();
    if (found != claim->second) return archive::wrong_diff_id(layer, claim->second, found);
    return {};
  }

  std::shared_ptr<layer_sink> sink_;
  bool inflate_;
  std::vector<image_to_hand_over> images_;
  std::map<digest, digest> claims_;  ///< diff IDs by layer
  const std::atomic<bool>& stop_;
  archive::copy_buffer buffer_{archive::copy_buffer_size};
  std::uint64_t passed_ = 0;
};

class layer_taker final : public blob_taker {
 public:
  layer_taker(layer_stream to, std::vector<image_to_hand_over> images) : to_(std::move(to)), images_(std::move(images)) {}

  task<result<std::uint64_t>> take(delivery_setup setup, std::shared_ptr<model::blob_source> blobs) override {
    auto work = std::make_shared<layer_handover>(to_, images_, setup.running->stop_flag());
    auto call = [work, blobs, running = setup.running] { return work->run(*blobs); };
    work.reset();
    co_return co_await runtime::offload(setup.shared.lanes, runtime::lane::apart, std::move(call));
  }

 private:
  layer_stream to_;
  std::vector<image_to_hand_over> images_;
};

}  // namespace

std::unique_ptr<blob_taker> make_layer_taker(layer_stream to, const std::vector<resolved_image>& images) {
  std::vector<image_to_hand_over> all;
  for (const resolved_image& image : images) {
    for (const resolved_manifest& one : image.manifests) {
      image_to_hand_over made;
      made.image.reference = image.known_as;
      made.image.manifest = one.entry;
      made.image.image_platform = one.image_platform;
      made.image.layers = one.content.layers;
      if (one.content.config.digest) made.config = one.content.config;
      all.push_back(std::move(made));
    }
  }
  return std::make_unique<layer_taker>(std::move(to), std::move(all));
}

}  // namespace gantry::jobs
