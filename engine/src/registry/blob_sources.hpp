#pragma once

#include "registry/blob_location.hpp"
#include "registry/site.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gantry::registry {

/// An answer that brings bytes of a blob, and who gives it.
struct sourced_exchange {
  http::exchange reply;
  std::size_t site = 0;
  std::chrono::steady_clock::time_point asked{};  ///< when its request was made, which may have waited for the answer to another
};

/// Where the bytes of one blob are had: mirrors while one of them works, ranked by what they bring, else the registry itself. Each request
/// chooses anew, so that the ranges of a blob may come from all of them. Used on the strand alone.
class blob_sources {
 public:
  /// \p registry must outlive the object.
  /// \param urls of the descriptor of a foreign layer: asked when the registry itself lacks the blob
  blob_sources(registry_client& registry, reference image, gantry::digest blob, std::vector<std::string> urls = {})
      : registry_(registry), image_(std::move(image)), blob_(std::move(blob)), urls_(std::move(urls)) {}

  /// Asks until one site answers with bytes; the registry itself last, whose failure is the one that is returned. Each success must be
  /// followed by \ref ended.
  /// \param asking set to the site whose answer is waited for. May be null; must outlive the call
  task<result<sourced_exchange>> get(blob_request part, runtime::stop_source& stop, std::optional<std::size_t>* asking = nullptr);

  /// The exchange is over. \param why its answer was wrong, or broke off: a mirror then rests, and the user is told once; null: it was not
  void ended(std::size_t site, std::uint64_t bytes, std::chrono::nanoseconds time, const failure* why);

  /// A request was ended from here since \p site did not answer it: \p why it counts as a failure of that site.
  void unanswered(std::size_t site, const failure& why) { blame(site, why); }

  /// Whether another site may do what \p site has just failed to do, so that it is asked at once.
  bool has_alternative(std::size_t site) const;
  /// The site answers range requests with the whole blob. \returns whether another site can be asked for ranges.
  bool refused_range(std::size_t site);

  /// From here on the registry itself alone is asked.
  void only_origin() noexcept { only_origin_ = true; }
  bool has_mirrors() const noexcept { return locations_.size() > 1; }
  /// Its registry's name, for people.
  std::string name_of(std::size_t site) const;
  bool is_mirror(std::size_t site) const { return locations_[site].where.how.is_mirror; }
  /// The site sent bytes that are not the blob's: nobody asks it again.
  void drop(std::size_t site);

 private:
  struct place {
    site where;
    std::unique_ptr<blob_location> location;
    bool without_blob = false;    ///< it does not have the blob, or does not give it to us
    bool without_ranges = false;  ///< it answers a range with the whole blob
    bool refuses_ranges = false;  ///< it answers a range with 416
  };
  result<void> find_sites();
  /// Lets a mirror rest, and tells.
  void blame(std::size_t site, const failure& why);
  std::size_t choose(const std::vector<bool>& tried, const std::optional<http::byte_range>& range) const;

  registry_client& registry_;
  reference image_;
  gantry::digest blob_;
  std::vector<std::string> urls_;
  std::vector<place> locations_;  ///< the last is the registry itself
  bool only_origin_ = false;
};

}  // namespace gantry::registry
