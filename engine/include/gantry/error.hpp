#pragma once

#include <boost/system/error_category.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/error_condition.hpp>

#include <type_traits>

namespace gantry {

/// What every operation ends with.
using error_code = boost::system::error_code;
/// What callers compare an \ref error_code with.
using error_condition = boost::system::error_condition;

/// Everything that can go wrong, in the words of the engine. Callers branch on \ref condition; the text that names the object and the
/// remedy travels beside the code in \ref diagnostics.
enum class errc {
  // What the caller said.
  invalid_reference = 1,  ///< a reference that the grammar refuses
  invalid_digest,         ///< a digest of unknown algorithm or wrong form
  invalid_platform,       ///< a platform specifier that cannot be read
  invalid_option,         ///< an option, or two that contradict each other
  not_an_image,           ///< an artifact where only an image makes sense

  // Who the caller is.
  unauthorized,        ///< 401 after all credentials were tried
  forbidden,           ///< 403
  bad_credentials,     ///< a credential file or helper that is there and cannot be read
  insecure_transport,  ///< credentials would have travelled in clear text

  // What is not there.
  not_found,           ///< repository, tag, manifest or blob
  platform_not_found,  ///< no manifest of the platform that was asked for
  file_not_found,      ///< a local file

  // What is not what it says it is.
  digest_mismatch,       ///< bytes that do not hash to their digest
  size_mismatch,         ///< more or fewer bytes than the descriptor says
  malformed_document,    ///< JSON, manifest, index or config that breaks its specification
  unsupported_document,  ///< a document of a kind that is not handled, e.g. schema 1
  limit_exceeded,        ///< an untrusted input above its cap (DESIGN section 6)

  // The way there.
  name_not_resolved,   ///< no address for the host
  connection_refused,  ///< nobody listens
  connection_lost,     ///< reset, or closed in the middle of an answer
  timed_out,           ///< connect, TLS, header or body silence beyond its limit
  too_slow,            ///< dropped in favour of faster connections
  tls_failed,          ///< handshake failed for a reason other than the certificate
  tls_not_trusted,     ///< unknown authority, wrong host, expired, self-signed
  tls_expected,        ///< TLS was spoken to a port that answers in plain text
  protocol_error,      ///< an answer that is not HTTP, or framing that is refused
  redirect_refused,    ///< a server-chosen URL that the origin policy does not follow
  server_error,        ///< 5xx or another status that says "not now"
  unexpected_status,   ///< any other status
  range_refused,       ///< an answer to a range request that does not fit the request
  retries_exhausted,   ///< the attempts or the budget are used up

  // The registry's patience.
  rate_limited,  ///< 429, or a Retry-After beyond the budget

  // This machine.
  no_space,       ///< ENOSPC or EDQUOT
  access_denied,  ///< EACCES, EPERM or EROFS
  storage_error,  ///< any other failure of the file system
  in_use,         ///< an output that another process is writing

  // The operation as a whole.
  partial_failure,  ///< some members of a list failed
  cancelled,        ///< stopped on request; what can be resumed is kept
  internal_error,   ///< a defect of the engine, reported instead of thrown through the caller
  sink_failed,      ///< a layer_sink of the caller threw
};

/// What a caller may want to do about an error. The command line maps each to one exit code.
enum class condition {
  failed = 1,      ///< network or registry
  usage,           ///< the caller's words
  not_authorised,  ///< credentials missing or refused
  not_found,       ///< image, platform or file
  integrity,       ///< content that is not what it claims
  partial,         ///< part of a list
  storage,         ///< local storage
  rate_limited,    ///< come back later
  cancelled,       ///< stopped on request
  retryable,       ///< the same request may succeed later (a property across the others)
};

/// The category of \ref errc.
const boost::system::error_category& engine_category() noexcept;
/// The category of \ref condition.
const boost::system::error_category& condition_category() noexcept;

/// So that an \ref errc converts to an \ref error_code.
error_code make_error_code(errc value) noexcept;
/// So that an \ref error_code compares with a \ref condition.
error_condition make_error_condition(condition value) noexcept;

}  // namespace gantry
/// \cond
template <>
struct boost::system::is_error_code_enum<gantry::errc> : std::true_type {};
template <>
struct boost::system::is_error_condition_enum<gantry::condition> : std::true_type {};
/// \endcond
