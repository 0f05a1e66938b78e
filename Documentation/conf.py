# SPDX-License-Identifier: GPL-2.0
"""How Sphinx renders these pages; scripts/html runs it on a copy of this folder."""
import os

project = "xshm"
author = "The xshm authors"
version = release = os.environ.get("XSHM_RELEASE", "")
root_doc = "index"
html_theme = "alabaster"
html_theme_options = {"description": "System V shared memory as a module", "page_width": "1100px"}
html_sidebars = {"**": ["about.html", "navigation.html", "relations.html", "searchbox.html"]}
highlight_language = "none"
# Types of the kernel and of C, which no page here describes.
nitpick_ignore_regex = [("c:identifier", "(?!xshm).*")]
