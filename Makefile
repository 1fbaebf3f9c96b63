# Short names. `make` alone lists them.
.PHONY: help run test dev tidy format bench chaos explore new-domain clean

help:
	@echo "make run             install, build, serve on http://127.0.0.1:3000 (./run)"
	@echo "make test            every test (./test; LAYER=unit for one)"
	@echo "make dev             build the debug tree in build/dev"
	@echo "make bench           measure the server against its yardsticks; writes bench/records/"
	@echo "make chaos           1,000 seeded runs over failing receivers, kills and a full disk (long; SEEDS=50, MINUTES=10 for less)"
	@echo "make explore         10^6 random interleavings of the cache's code, and all with few preemptions (long)"
	@echo "make tidy            clang-tidy and stand-alone headers, on files changed since main"
	@echo "make format          clang-format on files changed since main"
	@echo "make new-domain NAME=x   a domain of the standard shape in src/domains/x"
	@echo "make clean           remove build/"

run:
	./run

test:
	./test $(LAYER)

dev:
	cmake --preset dev && cmake --build --preset dev

bench:
	./bench/run.sh

SEEDS ?= 1000
chaos:
	cmake --preset release && cmake --build --preset release --target watchbell
	node tests/chaos/run.mjs --program build/release/watchbell --seeds 1 --notifications 10000 --record bench/records
	node tests/chaos/run.mjs --program build/release/watchbell --seeds $(SEEDS) --at-once 4 $(if $(MINUTES),--minutes $(MINUTES)) --record bench/records --keep build/chaos

explore:
	./libs/cache/test/explore/explore.sh

changed = $(shell git diff --name-only --diff-filter=d $$(git merge-base HEAD origin/main 2>/dev/null || git rev-list --max-parents=0 HEAD | tail -1) -- '*.cpp' '*.hpp')

tidy:
	cmake --preset dev -DCMAKE_VERIFY_INTERFACE_HEADER_SETS=ON
	cmake --build --preset dev --target all_verify_interface_header_sets
	@test -z "$(filter %.cpp,$(changed))" || clang-tidy-19 -p build/dev $(filter %.cpp,$(changed))

format:
	@test -z "$(changed)" || clang-format-19 -i $(changed)

new-domain:
	@test -n "$(NAME)" || { echo "usage: make new-domain NAME=x" >&2; exit 2; }
	cmake -DNAME=$(NAME) -P cmake/NewDomain.cmake

clean:
	rm -rf build
