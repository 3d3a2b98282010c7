#include "archive/chosen_index.hpp"

#include "model/digester.hpp"
#include "model/index_words.hpp"
#include "model/media_type.hpp"

#include <utility>

namespace gantry::archive {

made_index index_of(const archived_image& image, const std::vector<const archived_manifest*>& chosen) {
  namespace types = model::media_type;
  const bool docker = image.top.media_type == types::docker_list || image.top.media_type == types::docker_manifest;
  std::vector<descriptor> members;
  for (const archived_manifest* one : chosen) {
    descriptor& member = members.emplace_back(one->manifest);
    // Both fields are required in a platform; half of one is left out rather than written empty.
    const bool known = !one->platform.os.empty() && !one->platform.architecture.empty();
    if (!member.platform && known) member.platform = one->platform;
  }
  made_index made;
  made.top.media_type = std::string(docker ? types::docker_list : types::oci_index);
  made.text = model::write_index(made.top.media_type, std::move(members), image.words.get());
  made.top.digest = model::digest_of(made.text, digest_algorithm::sha256);
  made.top.size = made.text.size();
  return made;
}

}  // namespace gantry::archive
