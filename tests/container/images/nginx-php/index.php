<?php
error_log('request from ' . $_SERVER['REMOTE_ADDR']);
header('Content-Type: text/plain');
echo getenv('SITE_TITLE'), ' as ', posix_getpwuid(posix_geteuid())['name'], "\n";
