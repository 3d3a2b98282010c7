#pragma once

#include "faults/puller.hpp"

#include <chrono>
#include <cstddef>
#include <string>

namespace gantry::test {

/// A small layer and one of 24 MiB, enough for eight connections. Made once: hashing it takes a while in a build with sanitizers.
const test_image& spread_image();

/// That image, and pulls of it whose large layer comes over eight connections.
struct spread {
  explicit spread(const fake_registry_options& options = {});

  fake_registry registry;
  const test_image& image = spread_image();
  puller pulls{registry};
  const test_blob& layer() const { return image.layers[1]; }

  /// Makes every answer of the blob take long enough for others to be needed. What was injected before goes first.
  void slow_down() { registry.inject(layer().digest, drip_of(65536, std::chrono::milliseconds(5)), 1, 0); }

  /// The registry sends requests for the blob on to \ref delivery, another path of its own.
  void deliver_elsewhere() { registry.inject(path(), redirect_to("/v2/delivery/app/blobs/" + layer().digest), 1, 0); }
  std::string path() const { return "/v2/team/app/blobs/" + layer().digest; }
  static constexpr const char* delivery = "/v2/delivery/";
  /// Where a delivery that has moved on leads.
  fault moved_on() const { return redirect_to("/v2/elsewhere/app/blobs/" + layer().digest, 302); }
  /// The like of \ref slow_down for deliveries.
  void slow_delivery() { registry.inject(delivery, drip_of(65536, std::chrono::milliseconds(5)), 1, 0); }

  /// How many connections requests for the blob came over.
  std::size_t connections() const;

  double times_sent() const { return static_cast<double>(registry.body_sent(layer().digest)) / static_cast<double>(layer().bytes.size()); }
};

/// The pull ended well, and the store has the blob and nothing that should not be there.
void check_done(const spread& s, const pull_report& report);

/// A pull that ends like that in less than \p limit.
pull_report done_within(spread& s, std::chrono::seconds limit);

}  // namespace gantry::test
