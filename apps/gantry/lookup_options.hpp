#pragma once

#include "options.hpp"
#include "outcome.hpp"
#include "values.hpp"

#include <gantry/platform.hpp>
#include <gantry/tag_filter.hpp>

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace gantry::app {

/// What the questions to a registry have in common: one object and where it is.
struct lookup_arguments {
  common_options common;
  std::string object;    ///< image, repository, registry or file, as typed
  std::string registry;  ///< `--registry`, as typed
};

/// Questions that a file or the store may answer, too.
struct file_lookup_arguments : lookup_arguments {
  bool offline = false;  ///< out of the store
  std::string inside;    ///< the image of an archive that is wanted, as typed; empty: all
};

/// `gantry inspect`.
struct inspect_arguments : file_lookup_arguments {
  std::vector<platform> platforms;  ///< empty: all
  bool raw = false;                 ///< the document as served, nothing else
  bool config = false;              ///< the configuration, nothing else
};

/// `gantry digest`.
struct digest_arguments : file_lookup_arguments {
  std::optional<gantry::platform> platform;
};

/// `gantry tags`.
struct tags_arguments : lookup_arguments {
  tag_filter filter;
};

/// `gantry repos`.
struct repositories_arguments : lookup_arguments {
  registry_word where;  ///< the registry, and the path below which repositories are listed
};

template <class Arguments>
using parsed = outcome<std::variant<Arguments, help_text>>;

// The words behind the command. Pure.
parsed<inspect_arguments> parse_inspect(std::vector<std::string> words);
parsed<digest_arguments> parse_digest(std::vector<std::string> words);
parsed<tags_arguments> parse_tags(std::vector<std::string> words);
parsed<repositories_arguments> parse_repositories(std::vector<std::string> words);
parsed<lookup_arguments> parse_delete(std::vector<std::string> words);

}  // namespace gantry::app
