// SPDX-License-Identifier: LGPL-2.1-or-later
module example.org/xshm

go 1.19
