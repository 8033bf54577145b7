"""Programs that find no thread compute on the one they have: same results, exit 0, not a word.

Thread libraries end a program, or throw where nobody can catch, if they cannot start a thread. STARVED names the
program of tests/starved, LAMELLA_TOOL the command line (or nothing), and the arguments are the backends of this build.
"""

import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile
import unittest

STARVED = os.environ["STARVED"]
TOOL = os.environ.get("LAMELLA_TOOL", "")
INTERFACES = os.environ["STARVED_INTERFACES"].split(",")
BACKENDS = ["auto", *(name for name in sys.argv[1:] if name != "scalar")]  # which rounds otherwise
TIMEOUT = 300
# Layers wide enough for a team of threads.
TRAINING = ["train", "--data", "moons", "--hidden", "512,512", "--epochs", "1", "--batch-size", "512", "--seed", "1"]


def environment(**variables):
    foreign = ("LAMELLA_", "OMP_", "GOMP_", "KMP_", "SLURM_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, **variables}


class Starved(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="lamella-starved-"))
        self.dir.chmod(0o777)  # for the other user
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def check(self, command, limit, **variables):
        """It ends with 0 and says nothing."""
        done = subprocess.run([str(part) for part in command], env=environment(**variables), preexec_fn=limit,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT, cwd=self.dir)
        self.assertEqual((done.returncode, done.stdout), (0, b""), f"{command} {variables}")

    def check_interfaces(self, limit, *arguments, backends=BACKENDS, **variables):
        for backend in backends:
            for interface in INTERFACES:
                self.check([STARVED, interface, backend, *arguments], limit, **variables)

    def check_tool(self, limit, backends=BACKENDS, **variables):
        """Models have the same bits as one trained on one thread, without limits."""
        if not TOOL:
            return
        self.check([TOOL, *TRAINING, "--quiet", "--model", "reference", "--backend", "simd"], None)
        for backend in backends:
            self.check([TOOL, *TRAINING, "--quiet", "--model", backend, "--backend", backend], limit, **variables)
            self.assertEqual((self.dir / backend).read_bytes(), (self.dir / "reference").read_bytes(), backend)

    @staticmethod
    def user_with_processes(count):
        """Called in a child: makes it a user of its own, which may have `count` threads in all."""
        user = 60000 + os.getpid() % 5000

        def limit():
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
            resource.setrlimit(resource.RLIMIT_NPROC, (count, count))
        return limit

    def need_other_user(self):
        if os.getuid() != 0:
            self.skipTest("only root can become a user without other processes")
        try:
            subprocess.run([STARVED], preexec_fn=self.user_with_processes(1), check=False)
        except PermissionError as error:
            self.skipTest(f"another user may not run the programs of this build: {error}")


class NoThreads(Starved):
    def test_interfaces(self):
        self.need_other_user()
        for count in (1, 2, 3, 4):  # the program alone; one thread; one more than is needed; enough
            self.check_interfaces(self.user_with_processes(count))

    def test_fewer_threads_than_wanted(self):
        self.need_other_user()
        for count in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10):
            for library in [name for name in BACKENDS if name in ("openmp", "tbb")]:
                self.check([STARVED, "executor", library, "8"], self.user_with_processes(count))

    def test_command_line(self):
        self.need_other_user()
        self.check_tool(self.user_with_processes(1))


class LittleAddressSpace(Starved):
    def test_no_stack_fits(self):
        for kilobytes in (3 * 1024, 4 * 1024, 6 * 1024, 9 * 1024, 12 * 1024, 16 * 1024, 20 * 1024):
            self.check_interfaces(None, kilobytes * 1024)

    def test_products_need_none(self):
        for kilobytes in (0, 64, 256, 512, 1024, 2048):
            for backend in BACKENDS:
                self.check([STARVED, "cpp", backend, kilobytes * 1024], None)


class LargeStacks(Starved):
    """Stacks that no thread can have. oneTBB's are of a size of its own."""

    @staticmethod
    def limit():
        stack, space = 4 << 30, 1 << 30
        hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
        resource.setrlimit(resource.RLIMIT_STACK, (stack, hard))
        resource.setrlimit(resource.RLIMIT_AS, (space, space))

    def need_unlimited(self):
        if resource.getrlimit(resource.RLIMIT_STACK)[1] not in (-1, resource.RLIM_INFINITY):
            self.skipTest("the size of stacks has a hard limit here")

    def test_interfaces(self):
        self.need_unlimited()
        self.check_interfaces(self.limit)

    def test_command_line(self):
        self.need_unlimited()
        self.check_tool(self.limit)

    def test_openmp_stack_size(self):
        if "openmp" not in BACKENDS:
            self.skipTest("there is no openmp backend")
        for size in ("1000000G", "1048576000M"):
            self.check_interfaces(None, backends=["openmp"], OMP_STACKSIZE=size)
            self.check_tool(None, backends=["openmp"], OMP_STACKSIZE=size)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
