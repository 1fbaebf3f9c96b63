# Builds a copy of the engine's sources with one guard removed, for each mutant that the explorer must find.
#
# cache_mutant(NAME FILE FROM TO [FROM TO]...): every FROM must stand in the file exactly once.
set(cache_mutants "")
function(cache_mutant name file)
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/mutants/${name})
  file(MAKE_DIRECTORY ${folder})
  foreach(source IN LISTS cache_inner_sources)
    configure_file(${PROJECT_SOURCE_DIR}/${source} ${folder}/${source} COPYONLY)
  endforeach()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${file})
  file(READ ${PROJECT_SOURCE_DIR}/src/${file} text)
  math(EXPR last "${ARGC} - 1")
  foreach(at RANGE 2 ${last} 2)
    math(EXPR next "${at} + 1")
    set(from "${ARGV${at}}")
    set(to "${ARGV${next}}")
    string(FIND "${text}" "${from}" first)
    string(FIND "${text}" "${from}" again REVERSE)
    if(first EQUAL -1 OR NOT first EQUAL again)
      message(FATAL_ERROR "mutant ${name}: must stand in ${file} exactly once:\n${from}")
    endif()
    string(REPLACE "${from}" "${to}" text "${text}")
  endforeach()
  file(WRITE ${folder}/src/${file} "${text}")
  # What is compiled here comes before the library, whose own is then not taken.
  set(program explore_mutant_${name})
  add_executable(${program} EXCLUDE_FROM_ALL ${folder}/src/engine.cpp)
  if(NOT file STREQUAL "engine.cpp")
    target_sources(${program} PRIVATE ${folder}/src/families.cpp)
  endif()
  target_link_libraries(${program} PRIVATE cache_explore_main cache_explorer)
  target_compile_options(${program} PRIVATE -w -O0)
  set_target_properties(${program} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/mutants)
  set(cache_mutants ${cache_mutants} ${program} PARENT_SCOPE)
endfunction()

file(GLOB cache_inner_sources RELATIVE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/src/*.hpp
     ${PROJECT_SOURCE_DIR}/src/policy/*.hpp ${PROJECT_SOURCE_DIR}/src/*.cpp)

# --- the mutants, by what they leave out

cache_mutant(store_is_not_guarded engine.cpp
  "  if (!is_valid(flight)) return refused(discarded.invalidated);\n" "")

cache_mutant(check_and_store_are_two_steps engine.cpp
  "    const TimePoint at = now();\n    const Section section(*this);\n    if (!settle(flight, std::move(value), nullptr)) {"
  "    const TimePoint at = now();\n    bool valid = false;\n    {\n      const std::lock_guard lock(mutex_);\n      valid = is_valid(flight);\n    }\n    const Section section(*this);\n    if (!settle(flight, std::move(value), nullptr)) {"
  "      kept = store(flight, value_bytes, cacheable, ttl_at_most, at);" "      if (valid) kept = store(flight, value_bytes, cacheable, ttl_at_most, at);"
  "  if (!is_valid(flight)) return refused(discarded.invalidated);\n" "")

cache_mutant(stamp_is_noted_when_the_loader_has_ended engine.cpp
  "  if (!is_valid(flight)) return refused(discarded.invalidated);" "  if (flight.doomed) return refused(discarded.invalidated);"
  "  entry.stamp = flight.stamp;" "  entry.stamp = generation_;")

cache_mutant(flight_does_not_hold_its_family engine.cpp
  "  ++flights_begun_;\n" "  ++flights_begun_;\n  families_.release(family);\n"
  "      families_.release(*flight->family);\n" "")

cache_mutant(dropped_key_does_not_doom_its_load engine.cpp
  "flight->doomed = true;" ";")

cache_mutant(readers_join_invalidated_loads engine.cpp
  "new_enough || (valid && (asking.trusts_here || observed_same))" "new_enough || asking.trusts_here || observed_same")

cache_mutant(who_waited_joins_whatever_runs engine.cpp
  "flight.number > asking.since" "true")

cache_mutant(any_number_of_loads_of_a_key engine.cpp
  "const bool crowded = flight.older && !flight.older->done.happened;" "const bool crowded = false;")

cache_mutant(an_older_load_is_forgotten engine.cpp
  "  if (flight.older && !flight.older->done.happened) {\n" "  if (false) {\n")

cache_mutant(reader_does_not_check_generations engine.cpp
  "!is_valid_in(*entry, *wanted.scope)" "false")

cache_mutant(old_load_frees_the_slot_of_a_newer_one engine.cpp
  "  if (found == flights_.end() || *found != &flight) return;\n" "  if (found == flights_.end()) return;\n")

cache_mutant(removed_entries_are_freed_at_once engine.cpp
  "all ? std::numeric_limits<std::uint64_t>::max() : epoch::oldest_pinned(first)" "std::numeric_limits<std::uint64_t>::max()")

cache_mutant(epoch_is_compared_off_by_one engine.cpp
  "limbo_.entries.front().order < oldest" "limbo_.entries.front().order <= oldest")

cache_mutant(reader_pins_after_it_has_looked engine.cpp
  "  Reader* const pinned = epoch::pin_first();\n  if (pinned == nullptr) [[unlikely]] return look_further<kGoesOnToBegin>(scope, key, type, refresh_ahead);\n  Reader& reader = *pinned;\n  Entry* const entry = table_.find_at_once(wanted);\n" "  Entry* const entry = table_.find_at_once(wanted);\n  Reader* const pinned = epoch::pin_first();\n  if (pinned == nullptr) [[unlikely]] return look_further<kGoesOnToBegin>(scope, key, type, refresh_ahead);\n  Reader& reader = *pinned;\n")

cache_mutant(outgrown_table_is_freed_at_once engine.cpp
  "    outgrown->next_retired = std::move(limbo_.arrays);\n    limbo_.arrays = std::move(outgrown);\n" "    outgrown.reset();\n")

cache_mutant(family_keeps_its_generation engine.cpp
  "node->generation.store(++generation_)" "node->generation.store(generation_)")

cache_mutant(family_drops_not_the_key_of_its_own_segments engine.cpp
  "    drop_key(probe(scope, family));" "    ")

cache_mutant(only_the_deepest_family_counts families.hpp
  "      if (node->generation.load(std::memory_order_acquire) > stamp) return false;\n" "      return node->generation.load(std::memory_order_acquire) <= stamp;\n")

cache_mutant(one_entry_too_many engine.cpp
  "table_.size() >= options_.max_entries" "table_.size() > options_.max_entries")

cache_mutant(waiter_comes_too_late engine.cpp
  "  if (event.happened) return false;\n  event.waiters.push" "  event.waiters.push")

cache_mutant(ended_load_keeps_its_family engine.cpp
  "      families_.release(*flight->family);\n" "")

cache_mutant(clear_spares_running_loads engine.cpp
  "  families_.for_each_scope([this](Node& scope) { scope.generation.store(generation_); });\n" "")

add_custom_target(explore_mutants DEPENDS ${cache_mutants})
