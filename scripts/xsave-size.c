// SPDX-License-Identifier: GPL-2.0
/*
 * How many bytes of floating-point registers ptrace() hands over on this
 * processor: what UML has to have room for. Printed, or exit status 1.
 */
#include <elf.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
	static char registers[1 << 18];
	struct iovec iov = { registers, sizeof(registers) };
	pid_t child = fork();
	int status, bad;

	if (child < 0)
		return 1;
	if (!child) {
		if (!ptrace(PTRACE_TRACEME, 0, 0, 0))
			raise(SIGSTOP);
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
		return 1;
	bad = ptrace(PTRACE_GETREGSET, child, (void *)NT_X86_XSTATE, &iov);
	kill(child, SIGKILL);
	if (bad)
		return 1;
	printf("%zu\n", iov.iov_len);
	return 0;
}
